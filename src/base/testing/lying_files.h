// Files whose syncs say "done" and do nothing: to see that a durability test notices.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/file_system.h"

namespace walkback {

enum class SyncKind { kFile, kDirectory, kFileSystem };

// True for a sync that is to be a lie. Called from any thread.
using Lie = std::function<bool(SyncKind kind, const std::string& path)>;

// Everything else goes to `inner`, which outlives it.
std::unique_ptr<FileSystem> make_lying_files(FileSystem& inner, Lie lie);

}  // namespace walkback
