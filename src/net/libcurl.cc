#include "net/libcurl.h"

#include <dlfcn.h>

#include <string>

namespace walkback::net {

namespace {

Error cannot_load(std::string_view why) {
  return make_error(ErrorKind::kMissing, "libcurl cannot be loaded: " + std::string(why),
                    "install libcurl (Debian: apt-get install libcurl4)");
}

template <typename Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

Result<Libcurl> load() {
  // 4 has been libcurl's ABI since 7.16. Never closed: TLS libraries leave exit handlers behind.
  void* library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) return cannot_load(dlerror());
  Libcurl curl;
#define WALKBACK_FIND(name) \
  if (!find(library, #name, curl.name)) return cannot_load("it has no function " #name);
  WALKBACK_LIBCURL_FUNCTIONS(WALKBACK_FIND)
#undef WALKBACK_FIND
  if (curl.curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK) return cannot_load("it does not start");
  return curl;
}

}  // namespace

Result<const Libcurl*> load_libcurl() {
  static const Result<Libcurl> loaded = load();
  if (!loaded.ok()) return Error(loaded.error());
  return &*loaded;
}

}  // namespace walkback::net
