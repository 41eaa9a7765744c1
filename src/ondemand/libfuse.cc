#include "ondemand/libfuse.h"

#include <dlfcn.h>

#include <string>

namespace walkback::ondemand {

namespace {

Error cannot_load(std::string_view why) {
  return make_error(ErrorKind::kMissing, "libfuse3 cannot be loaded: " + std::string(why),
                    "apt-get install fuse3");
}

template <typename Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

// What it has to say is in what its calls return.
void say_nothing(fuse_log_level, const char*, va_list) {}

Result<Libfuse> load() {
  // 3 is the ABI of all of libfuse 3 but its newest releases.
  void* library = dlopen("libfuse3.so.3", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) return cannot_load(dlerror());
  Libfuse fuse;
#define WALKBACK_FIND(name) \
  if (!find(library, #name, fuse.name)) return cannot_load("it has no function " #name);
  WALKBACK_LIBFUSE_FUNCTIONS(WALKBACK_FIND)
#undef WALKBACK_FIND
  fuse.fuse_set_log_func(say_nothing);
  return fuse;
}

}  // namespace

Result<const Libfuse*> load_libfuse() {
  static const Result<Libfuse> loaded = load();
  if (!loaded.ok()) return Error(loaded.error());
  return &*loaded;
}

}  // namespace walkback::ondemand
