#include "pg/data_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace walkback::pg {
namespace {

constexpr std::string_view kForkSuffixes[] = {"", "_fsm", "_vm", "_init"};

constexpr std::string_view kOwnDirectories[] = {
    "base",        "global",      "pg_commit_ts", "pg_dynshmem",  "pg_logical", "pg_multixact",
    "pg_notify",   "pg_replslot", "pg_serial",    "pg_snapshots", "pg_stat",    "pg_stat_tmp",
    "pg_subtrans", "pg_tblspc",   "pg_twophase",  "pg_wal",       "pg_xact"};

constexpr std::string_view kEmptiedDirectories[] = {
    "pg_stat_tmp",  "pg_replslot", "pg_dynshmem",           "pg_notify",       "pg_serial",
    "pg_snapshots", "pg_subtrans", "pg_wal/archive_status", "pg_wal/summaries"};

constexpr std::string_view kLeftOutFiles[] = {
    "postgresql.auto.conf.tmp", "current_logfiles.tmp", "backup_label",    "tablespace_map",
    "backup_manifest",          "postmaster.pid",       "postmaster.opts", ".DS_Store"};

constexpr std::string_view kLeftOutPrefixes[] = {"pgsql_tmp", "pg_internal.init"};

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Takes a number from the front of `text`; it may not begin with 0, so each number has one
// spelling.
bool take_number(std::string_view& text, uint32_t& number) {
  if (text.empty() || text.front() < '1' || text.front() > '9') return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

Fork take_fork(std::string_view& text) {
  for (Fork fork : {Fork::kFreeSpaceMap, Fork::kVisibilityMap, Fork::kInit}) {
    if (take_prefix(text, kForkSuffixes[static_cast<size_t>(fork)])) return fork;
  }
  return Fork::kMain;
}

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// "5/1259" below base/ or a tablespace's version directory.
std::optional<RelationFile> in_database(std::string_view rest, Oid tablespace) {
  RelationFile file;
  file.tablespace = tablespace;
  if (!take_number(rest, file.database) || !take_prefix(rest, "/")) return std::nullopt;
  const auto name = RelationName::parse(rest);
  if (!name) return std::nullopt;
  file.name = *name;
  return file;
}

}  // namespace

std::optional<RelationName> RelationName::parse(std::string_view file_name) {
  RelationName name;
  if (!take_number(file_name, name.number)) return std::nullopt;
  name.fork = take_fork(file_name);
  if (take_prefix(file_name, ".") && !take_number(file_name, name.segment)) return std::nullopt;
  if (!file_name.empty()) return std::nullopt;
  return name;
}

std::string RelationName::text() const {
  const std::string_view suffix = kForkSuffixes[static_cast<size_t>(fork)];
  return segment == 0 ? fmt::format("{}{}", number, suffix)
                      : fmt::format("{}{}.{}", number, suffix, segment);
}

std::string tablespace_version_directory(const Version& version) {
  return fmt::format("PG_{}_{}", version.major, version.catalog_version);
}

std::optional<RelationFile> parse_relation_path(std::string_view path, const Version& version) {
  if (take_prefix(path, "global/")) {
    const auto name = RelationName::parse(path);
    if (!name) return std::nullopt;
    return RelationFile{kGlobalTablespace, 0, *name};
  }
  if (take_prefix(path, "base/")) return in_database(path, kDefaultTablespace);
  Oid tablespace = 0;
  if (take_prefix(path, "pg_tblspc/") && take_number(path, tablespace) && take_prefix(path, "/") &&
      take_prefix(path, tablespace_version_directory(version)) && take_prefix(path, "/")) {
    return in_database(path, tablespace);
  }
  return std::nullopt;
}

bool is_temporary_relation_name(std::string_view file_name) {
  if (!take_prefix(file_name, "t")) return false;
  const size_t underscore = file_name.find('_');
  if (underscore == std::string_view::npos || !is_digits(file_name.substr(0, underscore)))
    return false;
  // looks_like_temp_rel_name() in src/backend/storage/file/fd.c allows any digits here.
  file_name.remove_prefix(underscore + 1);
  const size_t digits = std::min(file_name.find_first_not_of("0123456789"), file_name.size());
  if (digits == 0) return false;
  file_name.remove_prefix(digits);
  (void)take_fork(file_name);
  return file_name.empty() || (take_prefix(file_name, ".") && is_digits(file_name));
}

bool is_postgresqls_own(std::string_view path) {
  const std::string_view first = path.substr(0, path.find('/'));
  return std::ranges::find(kOwnDirectories, first) != std::end(kOwnDirectories);
}

bool contents_left_out(std::string_view directory_path) {
  return directory_path == "pg_wal" ||
         std::ranges::find(kEmptiedDirectories, directory_path) != std::end(kEmptiedDirectories);
}

bool left_out(std::string_view path) {
  const std::string_view name = last_part(path);
  if (std::ranges::find(kLeftOutFiles, name) != std::end(kLeftOutFiles)) return true;
  if (std::ranges::any_of(kLeftOutPrefixes,
                          [&](auto prefix) { return name.starts_with(prefix); })) {
    return true;
  }
  // Temporary relations live in database directories only, whose names are numbers.
  const size_t slash = path.rfind('/');
  return slash != std::string_view::npos && is_digits(last_part(path.substr(0, slash))) &&
         is_temporary_relation_name(name);
}

void UnloggedRelations::add(std::string_view file_name) {
  const auto name = RelationName::parse(file_name);
  if (name && name->fork == Fork::kInit) with_init_fork_.insert(name->number);
}

bool UnloggedRelations::leaves_out(std::string_view file_name) const {
  const auto name = RelationName::parse(file_name);
  return name && name->fork != Fork::kInit && with_init_fork_.contains(name->number);
}

}  // namespace walkback::pg
