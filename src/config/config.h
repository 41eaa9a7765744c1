// The configuration: one TOML file, every key also an environment variable, the environment wins.
//
// A value that cannot be used is an error that names where it stands (file and line, or the
// variable) and what is expected; nothing is guessed and no key is ignored. No error ever holds a
// password.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"

namespace walkback::config {

// Where the configuration lies unless --config or WALKBACK_CONFIG says otherwise.
inline constexpr std::string_view kDefaultPath = "/etc/walkback/walkback.toml";

// One of [[drill.checks]].
struct DrillCheck {
  std::string name;
  std::string database = "postgres";
  std::string sql;
  std::optional<std::string> expect;  // as PostgreSQL writes the value; nothing: true
};

// One member a key; keys.cc says which.
struct Config {
  std::string cluster = "main";

  std::string pgdata;            // absolute; empty when not set
  std::string conninfo;          // libpq's form; empty means libpq's own defaults
  std::string primary_conninfo;  // at a standby, of its primary; empty when not set
  std::string bin_dir;           // absolute; empty means: found by version

  std::string repository_url;  // "file:///path" or "s3://bucket/prefix"
  std::string encryption;      // "age" or "none"
  // Whether something counts as stored only when this place has it.
  bool repository_required = true;
  // The same repository in a second place; empty: there is none.
  std::string second_repository_url;
  bool second_repository_required = true;

  std::vector<std::string>
      encryption_recipients;             // "age1…": who can read what is written from now on
  std::string encryption_identity_file;  // absolute; private keys, for recovery
  std::string encryption_host_key_file;  // absolute; this host's own, for metadata
  std::vector<std::string> encryption_trusted_signers;  // "walkback-verify1…"

  // Empty: AWS's own, or what the credentials' profile says.
  std::string s3_region;
  std::string s3_endpoint;  // "https://host:port"
  std::string s3_addressing = "auto";
  std::string s3_ca_file;  // absolute
  std::string s3_profile;  // in ~/.aws
  std::string s3_pack_storage_class = "default";
  std::string s3_storage_class;
  std::string s3_server_side_encryption;
  std::string s3_kms_key_id;
  std::vector<std::string> s3_tags;  // "name=value"
  int s3_part_mib = 8;
  int s3_uploads_in_flight = 8;
  int s3_timeout_s = 600;      // of one operation, all its attempts together
  int s3_limit_kib_per_s = 0;  // 0: none
  int s3_limit_requests_per_s = 0;

  int backup_workers = 2;
  int backup_compression_level = 3;
  int backup_reread_days = 30;  // 0: nothing is read again

  int archive_workers = 2;
  int archive_compression_level = 3;
  int archive_timeout_s = 300;

  int recovery_workers = 2;
  std::string recovery_action = "promote";
  // Of undo and rescue: whether only what they read is fetched, where this host can do that.
  bool recovery_on_demand = true;

  int verify_workers = 2;
  int verify_limit_mib_per_s = 0;  // 0: none

  std::string drill_directory;  // absolute; empty when not set
  bool drill_heap_all_indexed = true;
  int drill_check_timeout_s = 300;
  std::vector<DrillCheck> drill_checks;  // no key: only the file can say them

  std::string retention_window;  // "14 days"; empty: no such rule
  int retention_count = 0;
  int retention_hourly = 0;
  int retention_daily = 0;
  int retention_weekly = 0;
  int retention_monthly = 0;
  int retention_yearly = 0;

  // From where on a figure is a warning; empty, or 0 rows: never.
  std::string status_backup_age = "25 hours";
  std::string status_wal_lag = "10 minutes";
  std::string status_disk_time_left = "24 hours";
  int status_slot_wal_mib = 1024;
  std::string status_verify_age = "8 days";
  std::string status_drill_age = "35 days";
  std::string status_recovery_time_objective;
  int status_mass_delete_rows = 100'000;
  std::string status_repository_time_left = "3 days";
  std::string status_clock_skew = "5 seconds";

  // What the agent runs when: cron expressions, or "never".
  std::string schedule_zone;  // whose clocks they mean; empty: the system's
  std::string schedule_backup = "@hourly";
  std::string schedule_prune = "30 2 * * *";
  std::string schedule_verify = "0 3 * * *";
  std::string schedule_drill = "0 4 1 * *";
  std::string schedule_recovery_time_objective;  // empty: backups go by the clock alone

  std::string metrics_listen;  // "127.0.0.1:9717"; empty: the agent serves none

  // Prices for `cost`, as decimal numbers: AWS's list prices in US East (N. Virginia), September
  // 2026.
  std::string cost_currency = "$";
  std::string cost_standard_gb_month = "0.023";
  std::string cost_standard_put_1000 = "0.005";  // PUT, POST and LIST
  std::string cost_standard_get_1000 = "0.0004";
  std::string cost_ia_gb_month = "0.0125";
  std::string cost_ia_put_1000 = "0.01";
  std::string cost_ia_get_1000 = "0.001";
  std::string cost_ia_retrieval_gb = "0.01";
  std::string cost_directory_gb_month = "0";
  std::string cost_managed_storage_gb_month = "0.115";  // of a managed server's disk (RDS, gp3)
  std::string cost_managed_backup_gb_month = "0.095";   // of its backups beyond the disk's size

  // Whom `status --alert` tells; empty: not so.
  std::string alert_slack_url;  // a secret, as are the next three and the password
  std::string alert_webhook_url;
  std::string alert_pagerduty_key;
  std::string alert_dead_mans_switch_url;
  std::string alert_pagerduty_url = "https://events.pagerduty.com/v2/enqueue";
  std::string alert_command;
  std::string alert_smtp_url;  // "smtp://host:587"
  std::string alert_smtp_security = "auto";
  std::string alert_smtp_user;
  std::string alert_smtp_password;
  std::string alert_smtp_ca_file;  // absolute
  std::string alert_email_from;
  std::vector<std::string> alert_email_to;
  std::string alert_repeat = "4 hours";
  std::string alert_state_file;  // absolute; empty: beside the configuration
};

// Of the places of its repository: one, or two.
std::vector<std::string> repository_urls(const Config& config);

// In one of its connection strings, or what tells others of alerts.
bool holds_password(const Config& config);

// NAME=VALUE pairs of the process, as a parameter.
using Environment = std::vector<std::pair<std::string, std::string>>;

// Reads `path`, then lays the environment over it. kInvalid for what is in either; kDenied for a
// file that holds a password and that others may read; kMissing when there is no file and the
// environment does not give repository.url. Required keys are checked: see check_complete().
Result<Config> load(FileSystem& files, const std::string& path, const Environment& environment);

// As load(), for `init`: the file may be missing and nothing is required.
Result<Config> load_partial(FileSystem& files, const std::string& path,
                            const Environment& environment);

// repository.url and repository.encryption are there.
Result<void> check_complete(const Config& config, const std::string& path);

// The text of a TOML file; `path` is for messages.
Result<Config> parse(std::string_view text, const std::string& path);

// Values that are not text, out of range or of the wrong form, and variables that look like a key
// but are none.
Result<void> apply_environment(const Environment& environment, Config& config);

}  // namespace walkback::config
