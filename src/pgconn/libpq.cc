#include "pgconn/libpq.h"

#include <dlfcn.h>

#include <string>

namespace walkback::pgconn {

namespace {

Error cannot_load(std::string_view why) {
  return make_error(ErrorKind::kMissing, "libpq cannot be loaded: " + std::string(why),
                    "install PostgreSQL's client library (Debian: apt-get install libpq5)");
}

template <typename Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

Result<Libpq> load() {
  // 5 has been libpq's ABI since PostgreSQL 8.2. Never closed: its threads' exit handlers stay
  // valid.
  void* library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) return cannot_load(dlerror());
  Libpq libpq;
#define WALKBACK_FIND(name) \
  if (!find(library, #name, libpq.name)) return cannot_load("it has no function " #name);
  WALKBACK_LIBPQ_FUNCTIONS(WALKBACK_FIND)
#undef WALKBACK_FIND
  return libpq;
}

}  // namespace

Result<const Libpq*> load_libpq() {
  static const Result<Libpq> loaded = load();
  if (!loaded.ok()) return Error(loaded.error());
  return &*loaded;
}

}  // namespace walkback::pgconn
