#include "undo/script_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace walkback::undo {

std::string in_comment(std::string_view name) {
  std::string text(name);
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < ' '; }, '?');
  return text;
}

std::string do_block(std::string_view body) {
  std::string tag = "$undo$";
  for (int i = 1; body.find(tag) != std::string_view::npos; ++i) tag = fmt::format("$undo{}$", i);
  return fmt::format("DO {0}\n#variable_conflict use_column\n{1}{0}", tag, body);
}

}  // namespace walkback::undo
