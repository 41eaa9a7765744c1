#include "restore/delta_rules.h"

#include <algorithm>
#include <string>

#include "pg/data_directory.h"

namespace walkback::restore {

namespace {

// In the data directory itself: of the server that ran here, or of a recovery before this one.
constexpr std::string_view kOfTheLastServer[] = {"backup_label",
                                                 "tablespace_map",
                                                 "backup_manifest",
                                                 "postmaster.pid",
                                                 "postmaster.opts",
                                                 "current_logfiles",
                                                 "recovery.signal",
                                                 "standby.signal",
                                                 "recovery.conf",
                                                 "walkback.copy.conf",
                                                 "walkback-recovery.pid",
                                                 "current_logfiles.tmp",
                                                 "postgresql.auto.conf.tmp"};

constexpr std::string_view kReplacedByUs[] = {
    "postgresql.conf",   "postgresql.auto.conf", "pg_hba.conf",
    "pg_ident.conf",     "recovery.signal",      "backup_label",
    "global/pg_control", "walkback.copy.conf",   "walkback.unfinished.conf",
};

constexpr std::string_view kTablespaces = "pg_tblspc";

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string_view first_part(std::string_view name) { return name.substr(0, name.find('/')); }

std::string_view last_part(std::string_view name) { return name.substr(name.rfind('/') + 1); }

size_t depth(std::string_view name) {
  return static_cast<size_t>(std::ranges::count(name, '/')) + 1;
}

// A file of ours that was to be renamed over another (replace_file() in base/file_system.h) when
// its writer was ended.
bool is_half_replaced(std::string_view name) {
  constexpr std::string_view kBetween = ".tmp-";
  constexpr size_t kHexDigits = 16;
  if (name.size() < kBetween.size() + kHexDigits) return false;
  const size_t between = name.size() - kHexDigits - kBetween.size();
  const std::string_view end = name.substr(between);
  return std::ranges::find(kReplacedByUs, name.substr(0, between)) != std::end(kReplacedByUs) &&
         end.starts_with(kBetween) &&
         end.find_first_not_of("0123456789abcdef", kBetween.size()) == std::string_view::npos;
}

// Where relations are: base, global, and a tablespace's directory of this version.
bool holds_relations(std::string_view name) {
  const std::string_view first = first_part(name);
  return first == "base" || first == "global" || first == kTablespaces;
}

// In a database's directory, or global/.
bool is_of_a_database(std::string_view file) {
  return pg::RelationName::parse(file).has_value() || pg::is_temporary_relation_name(file) ||
         file.starts_with("pgsql_tmp") || file.starts_with("pg_internal.init") ||
         file.starts_with("pg_filenode.map") || file == "PG_VERSION";
}

// "pg_tblspc/16390/PG_15_202209061", and what is below: other versions' are another cluster's.
bool is_of_this_version(std::string_view name, const pg::Version& version) {
  const size_t second = name.find('/');
  if (second == std::string_view::npos) return true;
  const size_t third = name.find('/', second + 1);
  if (third == std::string_view::npos) return true;
  const std::string_view rest = name.substr(third + 1);
  return rest.substr(0, rest.find('/')) == pg::tablespace_version_directory(version);
}

}  // namespace

bool goes_unless_in_backup(std::string_view name, FileType type, const pg::Version& version) {
  if (type == FileType::kRegular && is_half_replaced(name)) return true;
  if (depth(name) == 1)
    return std::ranges::find(kOfTheLastServer, name) != std::end(kOfTheLastServer);
  if (!pg::is_postgresqls_own(name) || first_part(name) == "pg_wal") return false;
  if (!holds_relations(name)) return true;
  if (first_part(name) == kTablespaces && !is_of_this_version(name, version)) return false;
  const std::string_view last = last_part(name);
  if (type == FileType::kDirectory) {
    return is_digits(last) || last.starts_with("pgsql_tmp") ||
           last == pg::tablespace_version_directory(version);
  }
  if (type == FileType::kSymlink && depth(name) == 2) return first_part(name) == kTablespaces;
  // A server's last word is written last, and taken away first: it has its own rule.
  return name != "global/pg_control" && is_of_a_database(last);
}

bool is_looked_into(std::string_view directory, const pg::Version& version) {
  if (!pg::is_postgresqls_own(directory) || first_part(directory) == "pg_wal") return false;
  if (first_part(directory) == kTablespaces) return is_of_this_version(directory, version);
  return true;
}

bool is_configuration(std::string_view name) {
  return depth(name) == 1 && (name.ends_with(".conf") || name.ends_with(".signal")) &&
         !name.starts_with("walkback.");
}

}  // namespace walkback::restore
