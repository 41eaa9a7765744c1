// For tests: a primary that exists only in what a backup asks of it.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "pg/types.h"
#include "pgconn/connection.h"

namespace walkback::backup {

// Its backups are of timeline 1, without tablespaces.
class ScriptedPrimary : public pgconn::Connection {
 public:
  ScriptedPrimary(std::string pgdata, pg::SystemIdentifier system, uint32_t segment_bytes)
      : pgdata_(std::move(pgdata)), system_(system), segment_bytes_(segment_bytes) {}

  Result<pgconn::Table> query(std::string_view sql,
                              const std::vector<pgconn::Value>& parameters) final {
    const auto one = [](std::string value) {
      return pgconn::Table{{"value"}, {{std::move(value)}}};
    };
    if (asks(sql, "pg_control_system")) {
      return one(std::to_string(static_cast<int64_t>(system_.value)));
    }
    if (asks(sql, "pg_is_in_recovery")) return one("f");
    if (asks(sql, "current_setting")) return one(setting(*parameters[0]));
    if (asks(sql, "pg_database_size")) return one("0");
    if (std::optional<pgconn::Table> first = answer_first(sql, parameters))
      return *std::move(first);
    if (asks(sql, "last_archived_wal")) return one(last_archived());
    if (asks(sql, "pg_backup_start")) {
      start_ = begin_backup();
      return one(start_.text());
    }
    if (asks(sql, "pg_backup_stop")) return stopped(end_backup(start_));
    return make_error(ErrorKind::kInvalid, "not in the script: " + std::string(sql));
  }
  Result<uint64_t> copy_out(std::string_view,
                            const std::function<Result<void>(std::string_view)>&) final {
    return make_error(ErrorKind::kUnsupported, "a backup copies no table out");
  }
  bool alive() override { return true; }
  int server_version() const override { return 150018; }

 protected:
  static bool asks(std::string_view sql, std::string_view what) {
    return sql.find(what) != std::string_view::npos;
  }

 private:
  // What only this server is asked, or answers otherwise.
  virtual std::optional<pgconn::Table> answer_first(std::string_view,
                                                    const std::vector<pgconn::Value>&) {
    return std::nullopt;
  }
  virtual std::string last_archived() = 0;  // a file name
  virtual pg::Lsn begin_backup() = 0;       // the redo point
  virtual pg::Lsn end_backup(pg::Lsn start) = 0;

  std::string setting(const std::string& name) const {
    if (name == "data_directory") return pgdata_;
    if (name == "archive_mode") return "on";
    if (name == "archive_command") return "walkback wal-push %p";
    return join_path(pgdata_, name == "config_file" ? "postgresql.conf"
                              : name == "hba_file"  ? "pg_hba.conf"
                                                    : "pg_ident.conf");
  }

  pgconn::Table stopped(pg::Lsn stop) const {
    return {{"lsn", "labelfile", "spcmapfile"},
            {{stop.text(),
              fmt::format("START WAL LOCATION: {0} (file {1})\nCHECKPOINT LOCATION: {0}\n"
                          "BACKUP METHOD: streamed\nBACKUP FROM: primary\n"
                          "START TIME: 2026-11-22 15:00:00 UTC\nLABEL: scripted\n"
                          "START TIMELINE: 1\n",
                          start_.text(),
                          pg::SegmentName::of({1}, start_, segment_bytes_).text(segment_bytes_)),
              ""}}};
  }

  const std::string pgdata_;
  const pg::SystemIdentifier system_;
  const uint32_t segment_bytes_;
  pg::Lsn start_;
};

}  // namespace walkback::backup
