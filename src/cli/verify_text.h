// What `verify` says: how far each kind of object is proved, and what is in trouble.
#pragma once

#include <string>

#include "base/result.h"
#include "verify/verify.h"

namespace walkback::cli {

std::string verify_text(const verify::VerifyReport& report);
std::string verify_json(const verify::VerifyReport& report, const Error* error);
// For --json, which has all in one place: with the first finding, and what to do about each kind.
Error trouble_error(const verify::VerifyReport& report);
// For standard error beside verify_text(), which names every finding: how many of which kind.
Error trouble_count(const verify::VerifyReport& report);

}  // namespace walkback::cli
