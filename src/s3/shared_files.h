// ~/.aws/credentials and ~/.aws/config. Internal to s3.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "s3/credentials_chain.h"

namespace walkback::s3 {

// The settings of one profile. Those of the credentials file win over the config file's.
struct Profile {
  std::string name;
  bool exists = false;
  std::map<std::string, std::string> settings;  // names in lower case
  std::string file;                             // where its keys stand, or would

  std::string get(const std::string& setting) const;
};

// The profile that AWS_PROFILE names, or "default". A file that is not there is empty; one that
// cannot be read is an error.
Result<Profile> read_profile(const CredentialsContext& context);

// Sections of an ini file: "[default]", "[profile x]", "[x]". Indented lines belong to a setting
// above them, and none of those is ours.
std::map<std::string, std::map<std::string, std::string>> parse_ini(std::string_view text);

}  // namespace walkback::s3
