// What is known of an object's bytes, from the weakest to the strongest.
#pragma once

#include <cstdint>
#include <string_view>

namespace walkback::verify {

enum class Proof : uint8_t {
  kPresent,    // it is there; not one byte of it was read
  kSeen,       // read whole, and not changed since it was first read; what it says is not known
  kAsWritten,  // its bytes are those that were written, by a hash taken then; not opened
  kProved,     // opened, authenticated, and its contents are what refers to it says
};
inline constexpr int kProofs = 4;

// Classes of objects, in the order in which a report shows them.
enum class ObjectClass : uint8_t {
  kManifests,  // with summaries and names
  kMaps,
  kPacks,
  kSegments,
  kIndexes,
  kHistories,  // and what else PostgreSQL archives
};
inline constexpr int kObjectClasses = 6;

// Table data is for the owners' keys alone, all else for the host's too.
inline bool is_table_data(ObjectClass of) {
  return of == ObjectClass::kPacks || of == ObjectClass::kSegments;
}

std::string_view proof_name(Proof proof);            // "present", "seen", "as_written", "proved"
std::string_view class_name(ObjectClass the_class);  // "manifests", …

}  // namespace walkback::verify
