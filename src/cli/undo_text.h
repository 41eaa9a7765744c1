// What `undo` says: what comes back, and what stands against it.
#pragma once

#include <string>

#include "cli/suggestion.h"
#include "undo/undo.h"

namespace walkback::cli {

// The preview: before anything is done.
std::string undo_preview_text(const undo::UndoReport& report);
// After it: how to go on, or what was done. `script` is the file that was written, or empty.
std::string undo_text(const undo::UndoReport& report, const std::string& script);
std::string undo_json(const undo::UndoReport& report, const std::string& script);

}  // namespace walkback::cli
