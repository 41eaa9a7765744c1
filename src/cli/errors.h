// Errors as the user gets them: two lines on standard error, and with --json an object on standard
// output.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace walkback::cli {

// "error: …\nhint: …\n"; without a hint, one line.
std::string error_lines(const Error& error);

// What to do about an error of this kind where nobody who knows more said it.
std::string_view usual_hint(ErrorKind kind);

// "warning: …\nhint: …\n": what does not stop a command.
std::string warning_lines(const Error& warning);

// Whatever an error quotes, private keys in it are not shown: people paste them into the wrong
// place.
std::string without_private_keys(std::string text);

// The process was asked to stop; `hint` is what the service said of what it leaves behind, if
// anything.
Error interrupted(std::string hint = {});

}  // namespace walkback::cli
