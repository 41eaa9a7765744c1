// What is done where something stands against a row.
#pragma once

#include <optional>
#include <string_view>

namespace walkback::undo {

enum class OnConflict {
  kFail,       // any conflict, and nothing is done
  kSkip,       // rows with a conflict are left as they are
  kOverwrite,  // what the row's own key finds is set back, whatever became of it
};
std::string_view on_conflict_name(OnConflict mode);  // "fail", …
std::optional<OnConflict> parse_on_conflict(std::string_view name);

}  // namespace walkback::undo
