// What `verify` says: how far each kind of object is proved, and what is in trouble.
#pragma once

#include <string>

#include "base/result.h"
#include "verify/verify.h"

namespace walkback::cli {

std::string verify_text(const verify::VerifyReport& report);
std::string verify_json(const verify::VerifyReport& report, const Error* error);
// What --quiet does not silence.
Error trouble_error(const verify::VerifyReport& report);

}  // namespace walkback::cli
