#include "verify/proof.h"

namespace walkback::verify {

std::string_view proof_name(Proof proof) {
  switch (proof) {
    case Proof::kPresent:
      return "present";
    case Proof::kSeen:
      return "seen";
    case Proof::kAsWritten:
      return "as_written";
    case Proof::kProved:
      return "proved";
  }
  return {};
}

std::string_view class_name(ObjectClass the_class) {
  switch (the_class) {
    case ObjectClass::kManifests:
      return "manifests";
    case ObjectClass::kMaps:
      return "maps";
    case ObjectClass::kPacks:
      return "packs";
    case ObjectClass::kSegments:
      return "segments";
    case ObjectClass::kIndexes:
      return "indexes";
    case ObjectClass::kHistories:
      return "histories";
  }
  return {};
}

}  // namespace walkback::verify
