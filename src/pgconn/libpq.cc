#include "pgconn/libpq.h"

#include <string>

#include "base/shared_library.h"

namespace walkback::pgconn {

namespace {

Error cannot_load(std::string_view why) {
  return make_error(ErrorKind::kMissing, "libpq cannot be loaded: " + std::string(why),
                    "install PostgreSQL's client library (Debian: apt-get install libpq5)");
}

Result<Libpq> load() {
  // 5 has been libpq's ABI since PostgreSQL 8.2.
  const Result<SharedLibrary> library = SharedLibrary::load("libpq.so.5");
  if (!library.ok()) return cannot_load(library.error().message);
  Libpq libpq;
#define WALKBACK_FIND(name) \
  if (!library->find(#name, libpq.name)) return cannot_load("it has no function " #name);
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
