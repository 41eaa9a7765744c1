#include "ondemand/libfuse.h"

#include <string>

#include "base/shared_library.h"

namespace walkback::ondemand {

namespace {

Error cannot_load(std::string_view why) {
  return make_error(ErrorKind::kMissing, "libfuse3 cannot be loaded: " + std::string(why),
                    "apt-get install fuse3");
}

// What it has to say is in what its calls return.
void say_nothing(fuse_log_level, const char*, va_list) {}

Result<Libfuse> load() {
  // 3 is the ABI of all of libfuse 3 but its newest releases.
  const Result<SharedLibrary> library = SharedLibrary::load("libfuse3.so.3");
  if (!library.ok()) return cannot_load(library.error().message);
  Libfuse fuse;
#define WALKBACK_FIND(name) \
  if (!library->find(#name, fuse.name)) return cannot_load("it has no function " #name);
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
