// Lines of pg_hba.conf and pg_ident.conf that let a copy's owner in over its socket. walkback must
// ask the copy where it stands, and nothing else says it as surely.
//
// Who owns the files can read all that is in them: these lines give nobody what he had not.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace walkback::restore {

struct AccessFiles {
  std::string access;      // pg_hba.conf
  std::string identities;  // pg_ident.conf
};

// Adds, in front, what is needed for the system's user `owner` to enter as himself or, where he is
// none of `superusers`, as each of these. Where the cluster's own rules let him in nothing is
// added.
void let_owner_in(AccessFiles& files, const std::string& owner,
                  const std::vector<std::string>& superusers);

// One of the two files without what let_owner_in() added.
std::string without_owner_lines(std::string_view text);

}  // namespace walkback::restore
