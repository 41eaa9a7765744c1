#include "restore/copy_setting_rules.h"

#include <fmt/format.h>
#include <locale.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "pg/configuration.h"
#include "restore/preload_libraries.h"

namespace walkback::restore {

namespace {

constexpr int64_t kMiB = 1 << 20;

class RuleBook {
 public:
  RuleBook(FileSystem& files, const CopySettings& copy, const OwnSettings& own)
      : files_(files), copy_(copy), own_(own), major_(copy.server_version_num / 10000) {}

  std::vector<CopyRule> write() {
    stay_apart();
    answer_only_here();
    log_only_here();
    load_only_what_is_safe();
    fit_memory();
    fit_host();
    if (copy_.scratch) be_alone();
    reach_limits();
    recover();
    return std::move(rules_);
  }

 private:
  void apart(std::string name, std::string value, std::string why) {
    rules_.push_back({std::move(name), std::move(value), std::move(why), Lasts::kUntilAdopted});
  }
  void host(std::string name, std::string value, std::string why) {
    rules_.push_back({std::move(name), std::move(value), std::move(why), Lasts::kAsLongAsHere});
  }
  void steer(std::string name, std::string value) {
    rules_.push_back({std::move(name), std::move(value), {}, Lasts::kUntilAdopted});
  }

  // Nothing of this may reach the original, its archive, or those it talks to.
  void stay_apart() {
    constexpr std::string_view kNoArchive = "a copy never archives";
    apart("archive_mode", "off", std::string(kNoArchive));
    apart("archive_command", "", std::string(kNoArchive));
    if (major_ >= 15) apart("archive_library", "", std::string(kNoArchive));
    apart("recovery_end_command", "", "it acts where the original runs");
    apart("archive_cleanup_command", "", "it removes files of the original's archive");
    apart("primary_conninfo", "", "a copy follows no primary");
    apart("primary_slot_name", "", "a copy uses no slot of the original");
    if (major_ >= 17) apart("sync_replication_slots", "off", "a copy follows no primary");
    if (major_ <= 15)
      apart("promote_trigger_file", "", "the file of the original would promote it");
    apart("max_logical_replication_workers", "0",
          "its subscriptions would consume the original's slots");
    apart("synchronous_standby_names", "", "its commits would wait for the original's standbys");
    // Until 14 statistics go through files, and Debian keeps them in /var/run.
    if (major_ <= 14) apart("stats_temp_directory", "pg_stat_tmp", "the original writes there");
    apart("external_pid_file", "", "the original's process id is there");
  }

  void answer_only_here() {
    apart("listen_addresses", copy_.scratch ? "" : "localhost", "a copy answers on this host only");
    apart("port", std::to_string(copy_.port), "the original's may be in use");
    apart("unix_socket_directories", copy_.socket_directory, "the original's may be in use");
    apart("unix_socket_group", "", "the group may not be on this host");
    apart("bonjour", "off", "a copy is not announced in the network");
    // NAMEDATALEN - 1 bytes are shown.
    constexpr size_t kMaxName = 63;
    constexpr std::string_view kMark = "recovered copy";
    std::string own_name = own_.value_or("cluster_name", "").substr(0, kMaxName - kMark.size() - 1);
    apart("cluster_name",
          own_name.empty() ? std::string(kMark) : fmt::format("{} {}", own_name, kMark),
          "so that process lists tell it from the original");
  }

  void log_only_here() {
    apart("log_destination", "stderr", "its log is the file that walkback names");
    apart("logging_collector", "off", "its log directory may be the original's");
  }

  LibraryPaths library_paths() const {
    return {copy_.library_directory, own_.value_or("dynamic_library_path", "$libdir")};
  }

  void load_only_what_is_safe() {
    std::vector<std::string> loaded, missing, acting, unneeded;
    for (const std::string& name :
         split_library_list(own_.value_or("shared_preload_libraries", ""))) {
      LibraryFate fate = judge_shared_library(files_, name, library_paths());
      if (copy_.scratch && fate == LibraryFate::kLoaded &&
          !is_needed_to_read(files_, name, library_paths())) {
        unneeded.push_back(name);
        continue;
      }
      (fate == LibraryFate::kLoaded    ? loaded
       : fate == LibraryFate::kMissing ? missing
                                       : acting)
          .push_back(name);
    }
    if (!unneeded.empty() && missing.empty() && acting.empty()) {
      apart("shared_preload_libraries", join_library_list(loaded), "nothing needs them to be read");
    }
    if (!missing.empty() || !acting.empty()) {
      std::string why;
      if (!missing.empty()) why = fmt::format("not on this host: {}", fmt::join(missing, ", "));
      if (!missing.empty() && !acting.empty()) why += "; ";
      if (!acting.empty()) why += fmt::format("would act by itself: {}", fmt::join(acting, ", "));
      apart("shared_preload_libraries", join_library_list(loaded), why);
    }
    if (std::find(loaded.begin(), loaded.end(), "timescaledb") != loaded.end()) {
      apart("timescaledb.max_background_workers", "0",
            "its jobs would drop or send what was recovered");
      apart("timescaledb.telemetry_level", "off", "a copy reports to nobody");
    }
    // PostgreSQL refuses every session when one of these is not here.
    session_libraries("session_preload_libraries", false);
    session_libraries("local_preload_libraries", true);
  }

  // Nobody uses a scratch server but its maker, and all that is done in it is thrown away. So
  // whatever the cluster would have run besides, in its sessions or behind them, is left out: none
  // of it helps to read what is there, and each of it may act.
  void be_alone() {
    constexpr std::string_view kAlone = "only its maker uses a scratch server";
    apart("session_preload_libraries", "", std::string(kAlone));
    apart("local_preload_libraries", "", std::string(kAlone));
    if (major_ >= 17) apart("event_triggers", "off", std::string(kAlone));
    apart("jit", "off", std::string(kAlone));
    apart("ssl", "off", "there is no TCP, and its passphrase would be asked for");
    apart("unix_socket_permissions", "0700", std::string(kAlone));
    // What was deleted is still to be found; vacuums against wraparound come all the same.
    apart("autovacuum", "off", "nothing lives long enough to need it");
    keep_wal_small();
  }

  // Room for so much was asked for. PostgreSQL does not start with less than two segments.
  void keep_wal_small() {
    constexpr std::string_view kWhy = "its WAL is thrown away";
    const uint64_t most = std::max<uint64_t>(kScratchWalBytes, 4ull * copy_.wal_segment_bytes);
    const std::string text = fmt::format("{}MB", most / kMiB);
    for (const auto& [name, otherwise] :
         {std::pair("max_wal_size", "1GB"), {"min_wal_size", "80MB"}}) {
      if (own_bytes(name, otherwise, kMiB) > static_cast<int64_t>(most)) {
        apart(name, text, std::string(kWhy));
      }
    }
    apart("wal_keep_size", "0", std::string(kWhy));
  }

  void session_libraries(const std::string& setting, bool plugins) {
    if (copy_.library_directory.empty()) return;
    std::vector<std::string> loaded, missing;
    for (const std::string& name : split_library_list(own_.value_or(setting, ""))) {
      bool here = session_library_is_here(files_, name, library_paths(), plugins);
      (here ? loaded : missing).push_back(name);
    }
    if (missing.empty()) return;
    host(setting, join_library_list(loaded),
         fmt::format("not on this host: {}", fmt::join(missing, ", ")));
  }

  int64_t own_bytes(std::string_view name, std::string_view default_value,
                    int64_t unit_bytes) const {
    Result<int64_t> bytes =
        pg::parse_memory_setting(own_.value_or(name, default_value), unit_bytes);
    return bytes.ok() ? *bytes : 0;
  }

  // The original may run beside it: a quarter of memory for shared_buffers at most, an eighth if
  // more.
  void fit_memory() {
    if (pg::same_setting(own_.value_or("huge_pages", "try"), "on")) {
      host("huge_pages", "try", "this host may not have them");
    }
    const auto memory = static_cast<int64_t>(copy_.host_memory_bytes);
    if (memory == 0) return;
    const std::string why = fmt::format("this host has {} MB of memory", memory / kMiB);
    if (own_bytes("shared_buffers", "128MB", 8192) > memory / 4) {
      host("shared_buffers", fmt::format("{}MB", std::max<int64_t>(memory / 8 / kMiB, 1)), why);
    }
    struct Limit {
      std::string_view name;
      int64_t unit_bytes;
      std::string value;
    };
    const std::string small = fmt::format("{}MB", std::max<int64_t>(memory / 32 / kMiB, 1));
    const Limit limits[] = {{"min_dynamic_shared_memory", kMiB, "0"},
                            {"wal_buffers", 8192, "-1"},
                            {"autovacuum_work_mem", 1024, "-1"},
                            {"maintenance_work_mem", 1024, small},
                            {"work_mem", 1024, small}};
    for (const Limit& limit : limits) {
      if (own_bytes(limit.name, "0", limit.unit_bytes) <= memory / 8) continue;
      host(std::string(limit.name), limit.value, why);
    }
  }

  bool readable(std::string_view setting, std::string_view default_value) const {
    std::string path = own_.value_or(setting, default_value);
    if (path.empty()) return true;
    if (!path.starts_with('/')) path = join_path(copy_.data_directory, path);
    return files_.open_read(path).ok();
  }

  bool locale_is_here(std::string_view setting, int category_mask) const {
    std::string name = own_.value_or(setting, "");
    if (name.empty()) return true;
    locale_t locale = newlocale(category_mask, name.c_str(), static_cast<locale_t>(nullptr));
    if (locale == static_cast<locale_t>(nullptr)) return false;
    freelocale(locale);
    return true;
  }

  // What is on the original's host and may not be on this one, and keeps a server from starting.
  void fit_host() {
    Result<bool> ssl = pg::parse_boolean_setting(own_.value_or("ssl", "off"));
    bool ssl_files = readable("ssl_cert_file", "server.crt") &&
                     readable("ssl_key_file", "server.key") && readable("ssl_ca_file", "") &&
                     readable("ssl_crl_file", "") && readable("ssl_dh_params_file", "");
    if (ssl.ok() && *ssl && !ssl_files)
      host("ssl", "off", "its key or certificate is not on this host");
    constexpr std::string_view kNoLocale = "the locale is not on this host";
    const std::pair<const char*, int> locales[] = {{"lc_messages", LC_MESSAGES_MASK},
                                                   {"lc_monetary", LC_MONETARY_MASK},
                                                   {"lc_numeric", LC_NUMERIC_MASK},
                                                   {"lc_time", LC_TIME_MASK}};
    for (const auto& [name, mask] : locales) {
      if (!locale_is_here(name, mask)) host(name, "C", std::string(kNoLocale));
    }
    // Its max_wal_senders would not be allowed without.
    if (pg::same_setting(own_.value_or("wal_level", "replica"), "minimal")) {
      host("wal_level", "replica", "WAL to be archived needs it");
    }
  }

  // RecoveryRequiresIntParameter in xlogrecovery.c: a hot standby with less than the primary had
  // stops.
  void reach_limits() {
    struct Limit {
      const char* name;
      int default_value;
      int at_least;
    };
    const Limit limits[] = {
        {"max_connections", 100, copy_.at_least.max_connections},
        {"max_worker_processes", 8, copy_.at_least.max_worker_processes},
        {"max_wal_senders", 10, copy_.at_least.max_wal_senders},
        {"max_prepared_transactions", 0, copy_.at_least.max_prepared_transactions},
        {"max_locks_per_transaction", 64, copy_.at_least.max_locks_per_transaction},
    };
    for (const Limit& limit : limits) {
      std::optional<std::string> own = own_.value(limit.name);
      // Base 0, as PostgreSQL reads integers: decimal, octal and hexadecimal.
      long value = own ? std::strtol(own->c_str(), nullptr, 0) : limit.default_value;
      if (value >= limit.at_least) continue;
      apart(limit.name, std::to_string(limit.at_least),
            "the WAL to be replayed was written with as many");
    }
  }

  void recover() {
    for (const char* name : {"recovery_target", "recovery_target_name", "recovery_target_time",
                             "recovery_target_xid"}) {
      steer(name, "");
    }
    steer("recovery_target_lsn", copy_.target_lsn.text());
    steer("recovery_target_inclusive", copy_.target_inclusive ? "on" : "off");
    steer("recovery_target_timeline", std::to_string(copy_.target_timeline.value));
    steer("recovery_target_action", std::string(recovery_action_name(copy_.action)));
    steer("restore_command", copy_.restore_command);
    // It reads segments behind the target, which the plan has no word about, and recovery fails
    // where one of them is damaged (src/backend/access/transam/xlogprefetcher.c, 15 and later).
    // Pages that were restored a moment ago are in the page cache anyway.
    if (major_ >= 15) steer("recovery_prefetch", "off");
    steer("recovery_min_apply_delay", "0");
    steer("hot_standby", "on");
    // The restore has synced everything with syncfs(2); asking again costs little, and an fsync of
    // each file would cost minutes.
    if (major_ >= 14) steer("recovery_init_sync_method", "syncfs");
  }

  FileSystem& files_;
  const CopySettings& copy_;
  const OwnSettings& own_;
  const int major_;
  std::vector<CopyRule> rules_;
};

}  // namespace

std::vector<CopyRule> copy_rules(FileSystem& files, const CopySettings& copy,
                                 const OwnSettings& own) {
  return RuleBook(files, copy, own).write();
}

std::string libraries_after_adoption(FileSystem& files, const CopySettings& copy,
                                     const OwnSettings& own) {
  const LibraryPaths paths{copy.library_directory, own.value_or("dynamic_library_path", "$libdir")};
  std::vector<std::string> here;
  for (const std::string& name : split_library_list(own.value_or("shared_preload_libraries", ""))) {
    if (judge_shared_library(files, name, paths) != LibraryFate::kMissing) here.push_back(name);
  }
  return join_library_list(here);
}

}  // namespace walkback::restore
