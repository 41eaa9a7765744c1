#include "keys/gpgme_library.h"

#include <string>

#include "base/shared_library.h"

namespace walkback::keys {
namespace {

Error cannot_load(std::string_view why) {
  return make_error(ErrorKind::kMissing, "libgpgme cannot be loaded: " + std::string(why),
                    "install it (Debian: apt-get install libgpgme11 gnupg), or use an age key");
}

Result<Gpgme> load() {
  // 11 has been gpgme's ABI since 1.0.
  const Result<SharedLibrary> library = SharedLibrary::load("libgpgme.so.11");
  if (!library.ok()) return cannot_load(library.error().message);
  Gpgme gpgme;
#define WALKBACK_FIND(name) \
  if (!library->find(#name, gpgme.name)) return cannot_load("it has no function " #name);
  WALKBACK_GPGME_FUNCTIONS(WALKBACK_FIND)
#undef WALKBACK_FIND
  // Initialises the library; must come before any other call, once.
  // (gpgme manual, "Library Version Check") The brackets keep the header's macro away.
  if ((gpgme.gpgme_check_version)("1.10.0") == nullptr) return cannot_load("it is older than 1.10");
  return gpgme;
}

}  // namespace

Result<const Gpgme*> load_gpgme() {
  static const Result<Gpgme> loaded = load();
  if (!loaded.ok()) return Error(loaded.error());
  return &*loaded;
}

}  // namespace walkback::keys
