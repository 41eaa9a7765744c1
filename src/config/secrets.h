// What is secret in a configuration value, so that it never reaches output or a log.
#pragma once

#include <string>
#include <string_view>

namespace walkback::config {

// Of libpq's connection strings, in both forms: "host=x password=y" and
// "postgresql://user:y@x/db?password=y".
bool holds_password(std::string_view conninfo);
// The same with every password as "***".
std::string mask_conninfo(std::string_view conninfo);

}  // namespace walkback::config
