// Names in a script's text. They may hold anything, also what would end the comment or the block
// around them: then the rest would be run. Pure.
#pragma once

#include <string>
#include <string_view>

namespace walkback::undo {

// Behind "--".
std::string in_comment(std::string_view name);
// "DO $undo$ … $undo$".
std::string do_block(std::string_view body);

}  // namespace walkback::undo
