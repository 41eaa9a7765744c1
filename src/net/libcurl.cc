#include "net/libcurl.h"

#include <string>

#include "base/shared_library.h"

namespace walkback::net {

namespace {

Error cannot_load(std::string_view why) {
  return make_error(ErrorKind::kMissing, "libcurl cannot be loaded: " + std::string(why),
                    "install libcurl (Debian: apt-get install libcurl4)");
}

Result<Libcurl> load() {
  // 4 has been libcurl's ABI since 7.16.
  const Result<SharedLibrary> library = SharedLibrary::load("libcurl.so.4");
  if (!library.ok()) return cannot_load(library.error().message);
  Libcurl curl;
#define WALKBACK_FIND(name) \
  if (!library->find(#name, curl.name)) return cannot_load("it has no function " #name);
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
