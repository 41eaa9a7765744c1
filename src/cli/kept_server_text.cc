#include "cli/kept_server_text.h"

#include <fmt/format.h>

#include "base/shell.h"

namespace walkback::cli {

std::string kept_server_text(const scratch::KeptServer& kept, const Suggestion& suggestion) {
  if (kept.root.empty()) return {};
  std::string removes = "rm -r " + shell_word(kept.root);
  if (!kept.sockets.empty()) removes += " " + shell_word(kept.sockets);
  std::string text = fmt::format("\nIt was kept in {}, stopped. ", kept.root);
  if (kept.start.empty()) {
    return text + fmt::format("To discard it, once no server runs there:\n  {}\n",
                              suggestion.other(removes));
  }
  return text +
         fmt::format("To look at it:\n  {}\n  {}\nTo stop it, and to discard it:\n  {}\n  {}\n",
                     suggestion.other(kept.start), suggestion.other(kept.ask),
                     suggestion.other(kept.stop), suggestion.other(removes));
}

}  // namespace walkback::cli
