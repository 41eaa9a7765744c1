// What `undo` says: what comes back, and what stands against it.
#pragma once

#include <optional>
#include <string>

#include "cli/suggestion.h"
#include "undo/undo.h"

namespace walkback::cli {

// The preview: before anything is done.
std::string undo_preview_text(const undo::UndoReport& report);
// After it: how to go on, or what was done. `output` is what was written.
std::string undo_text(const undo::UndoReport& report, const std::optional<undo::RowOutput>& output,
                      const Suggestion& suggestion);
std::string undo_json(const undo::UndoReport& report, const std::optional<undo::RowOutput>& output);

}  // namespace walkback::cli
