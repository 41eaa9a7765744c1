#include "restore/superusers.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>

#include "pg/filenode_map.h"
#include "pg/page.h"
#include "pg/roles.h"

namespace walkback::restore {

namespace {

// Each one that is not there any more costs a refused connection.
constexpr size_t kMostNames = 8;
// Of pg_authid: a hundred thousand roles.
constexpr uint64_t kMostRoleBytes = 16 << 20;

Result<std::vector<pg::Role>> read_roles(FileSystem& files, const std::string& data_directory) {
  const std::string global = join_path(data_directory, "global");
  const Bytes map = TRY(read_file(files, join_path(global, "pg_filenode.map"), pg::kPageBytes));
  const std::optional<pg::Oid> file =
      pg::file_of(TRY(pg::parse_filenode_map(map)), pg::kRolesRelation);
  if (!file) return make_error(ErrorKind::kMissing, "pg_filenode.map does not name pg_authid");
  const Bytes pages =
      TRY(read_file(files, join_path(global, std::to_string(*file)), kMostRoleBytes));
  std::vector<pg::Role> roles;
  for (size_t at = 0; at + pg::kPageBytes <= pages.size(); at += pg::kPageBytes) {
    for (pg::Role& role : pg::roles_on_page(ByteView(pages).subspan(at, pg::kPageBytes))) {
      if (role.superuser && role.may_log_in) roles.push_back(std::move(role));
    }
  }
  return roles;
}

}  // namespace

std::string own_user_name() {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(16384);
  getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found);
  return found == nullptr ? "postgres" : found->pw_name;
}

std::vector<std::string> find_superusers(FileSystem& files, const std::string& data_directory) {
  Result<std::vector<pg::Role>> roles = read_roles(files, data_directory);
  if (!roles.ok()) return {};
  std::ranges::stable_sort(*roles, {}, [](const pg::Role& role) {
    return std::pair(role.replaced, role.oid != pg::kFirstSuperuser);
  });
  std::vector<std::string> names;
  for (const pg::Role& role : *roles) {
    if (names.size() == kMostNames) break;
    if (std::ranges::find(names, role.name) == names.end()) names.push_back(role.name);
  }
  return names;
}

}  // namespace walkback::restore
