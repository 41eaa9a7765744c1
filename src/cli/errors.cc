#include "cli/errors.h"

#include "cli/human.h"

namespace walkback::cli {

std::string error_lines(const Error& error) {
  std::string text = "error: " + printable(error.message) + "\n";
  if (!error.hint.empty()) text += "hint: " + printable(error.hint) + "\n";
  return text;
}

Error interrupted(std::string hint) {
  if (hint.empty())
    hint = "nothing that was acknowledged is lost; run the command again when you like";
  return make_error(ErrorKind::kCancelled, "interrupted", std::move(hint));
}

}  // namespace walkback::cli
