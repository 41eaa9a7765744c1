// The text of a key file, as age-keygen writes it and `age -i` reads it.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/keys.h"

namespace walkback::crypto {

// One identity a line; empty lines and lines that begin with '#' are comments. Gives at least one
// identity. Errors name the line and never its text; an encrypted key file, an SSH, PGP or plugin
// key is kUnsupported with what to do. The caller reads the file, and wipes the text.
Result<std::vector<Identity>> parse_identity_file(std::string_view text);

}  // namespace walkback::crypto
