#include "cli/errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "cli/human.h"

namespace walkback::cli {

namespace {

std::string lines(std::string_view level, const Error& error) {
  const auto shown = [](const std::string& text) { return printable(without_private_keys(text)); };
  std::string text = fmt::format("{}: {}\n", level, shown(error.message));
  if (!error.hint.empty()) text += "hint: " + shown(error.hint) + "\n";
  return text;
}

bool same_letter(char a, char b) {
  return std::toupper(static_cast<unsigned char>(a)) == std::toupper(static_cast<unsigned char>(b));
}

}  // namespace

std::string error_lines(const Error& error) { return lines("error", error); }
std::string warning_lines(const Error& warning) { return lines("warning", warning); }

std::string_view usual_hint(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kTransient:
      return "try again; if it stays so, `walkback check` says more";
    case ErrorKind::kCorrupt:
      return "try again; if it stays so, restore what is named from another copy of the repository";
    case ErrorKind::kMissing:
      return "look whether it was moved or removed";
    case ErrorKind::kDenied:
      return "look who may do this, and as whom it was tried; `walkback check` says more";
    case ErrorKind::kInvalid:
      return "correct it and run this again";
    case ErrorKind::kUnsupported:
      return "`walkback check` says what is supported here";
    case ErrorKind::kConflict:
      return "look what is there before you change anything";
    case ErrorKind::kNoSpace:
      return "make room, and run this again";
    case ErrorKind::kCancelled:
      return "run this again when you like";
    case ErrorKind::kIo:
      return "the system's own log may say more; mend that, and run this again";
  }
  return "";
}

std::string without_private_keys(std::string text) {
  // Bech32, in either case: a decoder takes both.
  for (const std::string_view start : {"AGE-SECRET-KEY-", "WALKBACK-SIGNING-KEY-"}) {
    auto from = text.begin();
    while ((from = std::search(from, text.end(), start.begin(), start.end(), same_letter)) !=
           text.end()) {
      from += static_cast<ptrdiff_t>(start.size());
      const auto to = std::find_if_not(
          from, text.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '-'; });
      from = text.erase(from, to);
    }
  }
  return text;
}

Error interrupted(std::string hint) {
  if (hint.empty())
    hint = "nothing that was acknowledged is lost; run the command again when you like";
  return make_error(ErrorKind::kCancelled, "interrupted", std::move(hint));
}

}  // namespace walkback::cli
