#include "undo/on_conflict.h"

namespace walkback::undo {

std::string_view on_conflict_name(OnConflict mode) {
  switch (mode) {
    case OnConflict::kFail:
      return "fail";
    case OnConflict::kSkip:
      return "skip";
    case OnConflict::kOverwrite:
      return "overwrite";
  }
  return "fail";
}

std::optional<OnConflict> parse_on_conflict(std::string_view name) {
  for (const auto mode : {OnConflict::kFail, OnConflict::kSkip, OnConflict::kOverwrite}) {
    if (on_conflict_name(mode) == name) return mode;
  }
  return std::nullopt;
}

}  // namespace walkback::undo
