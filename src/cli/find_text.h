// What `find` shows.
#pragma once

#include <string>
#include <vector>

#include "cli/suggestion.h"
#include "find/find.h"

namespace walkback::cli {

struct FindView {
  const find::FindReport& report;
  const Suggestion& suggestion;
  std::string beside;  // a directory in which this user may make one: for `recover --into`
  bool timeline_given = false;
  bool utf8 = false;  // the terminal shows blocks; else letters
};
std::string find_text(const FindView& view);
std::string find_json(const find::FindReport& report);

// Columns as characters, the highest as high as a line allows: "▁▂█▁", or ".:#." without UTF-8.
// What is not zero is seen.
std::string sparkline(const std::vector<find::Histogram::Column>& columns, bool utf8);

}  // namespace walkback::cli
