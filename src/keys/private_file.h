// Files that hold private keys: who may read them is checked before they are read, and they are
// written once.
#pragma once

#include <string>
#include <string_view>

#include "base/file_system.h"
#include "base/random.h"
#include "base/result.h"
#include "crypto/secret.h"

namespace walkback::keys {

// A key file is a few hundred bytes; one above this is something else.
inline constexpr uint64_t kMostKeyFileBytes = 64 << 10;

// The text of a private file. kDenied, with the chmod to run, when group or others may read or
// write it; kDenied too when it belongs to neither root nor `user_id`; kMissing when it is not
// there; kInvalid when it is no regular file or too large. A symlink counts as what it points to.
// `how_to_replace`: the command that makes another key, for the hint.
Result<crypto::SecretText> read_private_file(FileSystem& files, const std::string& path,
                                             uint32_t user_id, std::string_view how_to_replace);

// A new file of mode 0600, whole or not there at all, and durable. kConflict, with nothing changed,
// when the name is taken.
Result<void> write_private_file(FileSystem& files, Random& random, const std::string& path,
                                std::string_view text);

}  // namespace walkback::keys
