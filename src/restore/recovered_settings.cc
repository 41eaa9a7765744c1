#include "restore/recovered_settings.h"

#include <fmt/format.h>
#include <pwd.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "pg/configuration.h"
#include "restore/access_lines.h"
#include "restore/copy_setting_rules.h"
#include "restore/own_settings.h"
#include "restore/owner_access.h"
#include "restore/superusers.h"

namespace walkback::restore {

namespace {

constexpr std::string_view kMain = "postgresql.conf";
constexpr std::string_view kAuto = "postgresql.auto.conf";
constexpr std::string_view kAccess = "pg_hba.conf";
constexpr std::string_view kIdentities = "pg_ident.conf";
// ALTER SYSTEM writes postgresql.auto.conf anew without comments, so markers there do not last.
constexpr std::string_view kRecord = "walkback.copy.conf";

constexpr std::string_view kRecordSays =
    "This directory is a copy recovered by walkback. PostgreSQL does not read this file;";

constexpr std::string_view kBegin =
    "walkback: from here to its end, what makes this directory a recovered copy";
constexpr std::string_view kEnd = "walkback: end";
constexpr std::string_view kLeftOut = "# walkback: left out of the copy: ";
constexpr std::string_view kAdopted = "adopted.";  // prefix in the record: the value once adopted

// Readable by the owner alone: conninfo may be in there.
constexpr uint32_t kMode = 0600;

Result<void> write_text(FileSystem& files, const std::string& path, std::string_view text) {
  std::optional<FileInfo> there = TRY(files.status(path));
  return replace_file(files, path, as_bytes(text), there ? there->mode : kMode);
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

std::string text_of(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text.append(line).append("\n");
  return text;
}

class CopyWriter {
 public:
  CopyWriter(FileSystem& files, const CopySettings& copy) : files_(files), copy_(copy) {}

  Result<std::vector<SettingChange>> write() {
    own_ = TRY(read_own_configuration(files_, copy_.data_directory));
    TRY(decide());
    TRY(write_record());
    TRY(write_main());
    TRY(write_auto());
    TRY(write_access());
    TRY(write_signals());
    for (const UnreadableLine& line : own_.unreadable) {
      changes_.push_back({line.raw, "left out", line.why});
    }
    for (const CopyRule& rule : rules_) note(rule);
    return std::move(changes_);
  }

 private:
  std::string path(std::string_view name) const { return join_path(copy_.data_directory, name); }

  // A line equal to what postgresql.auto.conf says anyway is not added: adopting must find out
  // which are ours.
  Result<void> decide() {
    const pg::Configuration automatic =
        pg::Configuration::parse(TRY(read_text_if_there(files_, path(kAuto))));
    rules_ = copy_rules(files_, copy_, own_.settings);
    std::erase_if(rules_, [&](const CopyRule& rule) {
      return !rule.why.empty() && automatic.value(rule.name) == rule.value;
    });
    return success();
  }

  // What a setting that nobody had set changes from is PostgreSQL's default: worth a word only
  // where the default is what would not do.
  void note(const CopyRule& rule) {
    if (rule.why.empty()) return;
    std::optional<std::string> own = own_.settings.value(rule.name);
    bool reached_for =
        rule.name.starts_with("max_") && rule.name != "max_logical_replication_workers";
    bool said = own ? *own != rule.value : rule.lasts == Lasts::kAsLongAsHere || reached_for;
    if (!said) return;
    changes_.push_back({rule.name, rule.value, rule.why});
  }

  // Unreadable lines as comments, everything else as it was.
  Result<std::string> readable_text(std::string_view name) const {
    std::vector<std::string> lines = lines_of(TRY(read_text_if_there(files_, path(name))));
    for (const UnreadableLine& line : own_.unreadable) {
      if (line.file == name) lines[line.index] = std::string(kLeftOut) + line.raw;
    }
    return text_of(lines);
  }

  // Where the cluster did not say where its files are, they are here anyway.
  Result<void> write_main() {
    pg::Configuration main = pg::Configuration::parse(TRY(readable_text(kMain)));
    main.append_comment(kBegin);
    for (const auto& [setting, file] : own_files()) {
      if (own_.settings.value(setting)) main.append(setting, file);
    }
    main.append("external_pid_file", "");
    main.append_comment(kEnd);
    return write_text(files_, path(kMain), main.text());
  }

  std::vector<std::pair<std::string, std::string>> own_files() const {
    return {{"data_directory", copy_.data_directory},
            {"hba_file", path(kAccess)},
            {"ident_file", path(kIdentities)}};
  }

  Result<void> write_auto() {
    pg::Configuration automatic = pg::Configuration::parse(TRY(readable_text(kAuto)));
    const pg::Configuration before = automatic;
    automatic.append_comment(kBegin);
    // ALTER SYSTEM can have put these there, where they win over postgresql.conf.
    for (const auto& [setting, file] : own_files()) {
      if (before.value(setting)) automatic.append(setting, file);
    }
    for (const CopyRule& rule : rules_) automatic.append(rule.name, rule.value);
    automatic.append_comment(kEnd);
    return write_text(files_, path(kAuto), automatic.text());
  }

  Result<void> write_record() const {
    pg::Configuration record;
    record.append_comment(kRecordSays);
    record.append_comment(
        "`walkback adopt` does: these settings go when the copy becomes the cluster.");
    for (const CopyRule& rule : rules_) {
      if (rule.lasts == Lasts::kUntilAdopted) record.append(rule.name, rule.value);
    }
    bool some_missing = std::any_of(rules_.begin(), rules_.end(), [&](const CopyRule& rule) {
      return rule.name == "shared_preload_libraries" && rule.why.starts_with("not on this host");
    });
    if (some_missing) {
      record.append(fmt::format("{}shared_preload_libraries", kAdopted),
                    libraries_after_adoption(files_, copy_, own_.settings));
    }
    return write_text(files_, path(kRecord), record.text());
  }

  Result<void> write_access() {
    AccessFiles rules;
    rules.access = TRY(readable_rules(kAccess));
    rules.identities = TRY(readable_rules(kIdentities));
    if (rules.access.empty()) {
      rules.access =
          "# TYPE DATABASE USER ADDRESS METHOD\n"
          "local all all peer\n"
          "host all all 127.0.0.1/32 scram-sha-256\n"
          "host all all ::1/128 scram-sha-256\n";
    }
    const std::string owner = TRY(owner_name());
    if (!owner.empty()) {
      let_owner_in(rules, owner, find_superusers(files_, copy_.data_directory));
    }
    TRY(write_text(files_, path(kAccess), rules.access));
    return write_text(files_, path(kIdentities), rules.identities);
  }

  // pg_hba.conf and pg_ident.conf; a line with which no server would start here as a comment.
  Result<std::string> readable_rules(std::string_view name) {
    std::vector<std::string> lines = lines_of(TRY(read_text_if_there(files_, path(name))));
    for (const UnreadableLine& line :
         unreadable_access_lines(files_, copy_.data_directory, std::string(name), lines,
                                 copy_.server_version_num / 10000)) {
      lines[line.index] = std::string(kLeftOut) + line.raw;
      changes_.push_back({fmt::format("{}: {}", name, line.raw), "left out", line.why});
    }
    return text_of(lines);
  }

  // Empty when the user database does not know the directory's owner.
  Result<std::string> owner_name() const {
    std::optional<FileInfo> info = TRY(files_.status(copy_.data_directory));
    if (!info) return make_error(ErrorKind::kMissing, copy_.data_directory + " is not there");
    passwd entry{};
    passwd* found = nullptr;
    std::vector<char> buffer(16384);
    getpwuid_r(info->owner, &entry, buffer.data(), buffer.size(), &found);
    return std::string(found == nullptr ? "" : found->pw_name);
  }

  Result<void> write_signals() const {
    TRY(write_text(files_, path("recovery.signal"), ""));
    if (!TRY(files_.link_status(path("standby.signal")))) return success();
    TRY(files_.remove(path("standby.signal")));
    return files_.sync_directory(copy_.data_directory);
  }

  FileSystem& files_;
  const CopySettings& copy_;
  OwnConfiguration own_;
  std::vector<CopyRule> rules_;
  std::vector<SettingChange> changes_;
};

bool is_marker(std::string_view line) {
  return line == fmt::format("# {}", kBegin) || line == fmt::format("# {}", kEnd);
}

// The last line that sets `name` goes if it still says what the record says: what ALTER SYSTEM
// changed since is the user's.
void take_out(std::vector<pg::ConfigurationLine>& lines, const pg::ConfigurationLine& recorded) {
  auto last = std::find_if(lines.rbegin(), lines.rend(), [&](const pg::ConfigurationLine& line) {
    return line.kind == pg::ConfigurationLineKind::kSetting &&
           pg::same_setting(line.name, recorded.name);
  });
  if (last != lines.rend() && last->value == recorded.value) lines.erase(std::next(last).base());
}

Result<void> adopt_auto(FileSystem& files, const std::string& data_directory,
                        const pg::Configuration& record) {
  const std::string path = join_path(data_directory, kAuto);
  std::vector<pg::ConfigurationLine> lines =
      pg::Configuration::parse(TRY(read_text_if_there(files, path))).lines();
  std::erase_if(lines, [](const pg::ConfigurationLine& line) { return is_marker(line.raw); });
  pg::Configuration later;
  for (const pg::ConfigurationLine& recorded : record.lines()) {
    if (recorded.kind != pg::ConfigurationLineKind::kSetting) continue;
    if (recorded.name.starts_with(kAdopted)) {
      later.append(recorded.name.substr(kAdopted.size()), recorded.value);
    } else {
      take_out(lines, recorded);
    }
  }
  std::string text;
  for (const pg::ConfigurationLine& line : lines) text.append(line.raw).append("\n");
  return write_text(files, path, text + later.text());
}

// The block in postgresql.conf is ours alone; of it only external_pid_file was for the copy.
Result<void> adopt_main(FileSystem& files, const std::string& data_directory) {
  const std::string path = join_path(data_directory, kMain);
  std::vector<std::string> kept;
  bool ours = false;
  for (std::string& line : lines_of(TRY(read_text_if_there(files, path)))) {
    if (is_marker(line)) {
      ours = !line.ends_with(kEnd);
    } else if (!ours || !line.starts_with("external_pid_file")) {
      kept.push_back(std::move(line));
    }
  }
  return write_text(files, path, text_of(kept));
}

Result<void> adopt_access(FileSystem& files, const std::string& data_directory) {
  for (const std::string_view name : {kAccess, kIdentities}) {
    const std::string path = join_path(data_directory, name);
    const std::string text = TRY(read_text_if_there(files, path));
    const std::string own = without_owner_lines(text);
    if (own != text) TRY(write_text(files, path, own));
  }
  return success();
}

}  // namespace

std::string_view recovery_action_name(RecoveryAction action) {
  switch (action) {
    case RecoveryAction::kPromote:
      return "promote";
    case RecoveryAction::kPause:
      return "pause";
    case RecoveryAction::kShutdown:
      return "shutdown";
  }
  return "pause";
}

Result<void> begin_copy(FileSystem& files, const std::string& data_directory) {
  pg::Configuration record;
  record.append_comment(kRecordSays);
  record.append_comment("as long as there is no global/pg_control, it is unfinished.");
  // Made, and never replaced: of two that begin at once one has it.
  const std::unique_ptr<File> file = TRY(files.create(join_path(data_directory, kRecord), kMode));
  TRY(file->write_at(0, as_bytes(record.text())));
  TRY(file->sync());
  return files.sync_directory(data_directory);
}

Result<std::vector<SettingChange>> write_copy_settings(FileSystem& files,
                                                       const CopySettings& copy) {
  return CopyWriter(files, copy).write();
}

// Lines at the end win, so what is there is left as it is. A limit that no file sets is
// PostgreSQL's default, which is written down where it would do as well.
Result<void> set_later_target(FileSystem& files, const std::string& data_directory,
                              const LaterTarget& later) {
  const std::string path = join_path(data_directory, kAuto);
  pg::Configuration automatic = pg::Configuration::parse(TRY(read_text_if_there(files, path)));
  const OwnConfiguration own = TRY(read_own_configuration(files, data_directory));
  const auto at_least = [&](std::string_view name, int value) {
    if (value > std::strtol(own.settings.value_or(name, "0").c_str(), nullptr, 0)) {
      automatic.append(name, std::to_string(value));
    }
  };
  at_least("max_connections", later.at_least.max_connections);
  at_least("max_worker_processes", later.at_least.max_worker_processes);
  at_least("max_wal_senders", later.at_least.max_wal_senders);
  at_least("max_prepared_transactions", later.at_least.max_prepared_transactions);
  at_least("max_locks_per_transaction", later.at_least.max_locks_per_transaction);
  automatic.append("recovery_target_lsn", later.target_lsn.text());
  automatic.append("recovery_target_inclusive", later.target_inclusive ? "on" : "off");
  automatic.append("recovery_target_timeline", std::to_string(later.target_timeline.value));
  automatic.append("recovery_target_action", std::string(recovery_action_name(later.action)));
  return write_text(files, path, automatic.text());
}

Result<bool> is_recovered_copy(FileSystem& files, const std::string& data_directory) {
  return TRY(files.status(join_path(data_directory, kRecord))).has_value();
}

Result<void> remove_copy_settings(FileSystem& files, const std::string& data_directory) {
  if (!TRY(is_recovered_copy(files, data_directory))) return success();
  const std::string record_path = join_path(data_directory, kRecord);
  const pg::Configuration record =
      pg::Configuration::parse(TRY(read_text_if_there(files, record_path)));
  TRY(adopt_auto(files, data_directory, record));
  TRY(adopt_main(files, data_directory));
  TRY(adopt_access(files, data_directory));
  // The record last: until it is gone, all of this can be done again.
  TRY(files.remove(record_path));
  return files.sync_directory(data_directory);
}

}  // namespace walkback::restore
