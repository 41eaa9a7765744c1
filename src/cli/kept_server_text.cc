#include "cli/kept_server_text.h"

#include <fmt/format.h>

#include "base/shell.h"

namespace walkback::cli {

std::string kept_server_text(const std::string& kept, const std::string& start,
                             const std::string& ask, const Suggestion& suggestion) {
  if (kept.empty()) return {};
  std::string text = fmt::format("\nIt was kept in {}, stopped. ", kept);
  if (!start.empty()) {
    text +=
        fmt::format("To look at it:\n  {}\n  {}\n", suggestion.other(start), suggestion.other(ask));
  }
  return text + fmt::format("To discard it, once no server runs there:\n  {}\n",
                            suggestion.other("rm -r " + shell_word(kept)));
}

}  // namespace walkback::cli
