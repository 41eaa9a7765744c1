#include "scripted_server.h"

#include <fmt/format.h>

#include <charconv>

#include "wal/test_log.h"

namespace walkback {

namespace {

class ScriptedServer final : public pgconn::Connection {
 public:
  ScriptedServer(std::string pgdata, const ClusterSize& size, pg::Lsn start, pg::Lsn stop,
                 const std::string& database)
      : pgdata_(std::move(pgdata)), size_(size), start_(start), stop_(stop) {
    std::from_chars(database.data() + 2, database.data() + database.size(), database_);
  }

  Result<pgconn::Table> query(std::string_view sql,
                              const std::vector<pgconn::Value>& parameters) override {
    const auto asks = [&](std::string_view what) { return sql.find(what) != sql.npos; };
    const auto one = [](std::string value) {
      return pgconn::Table{{"value"}, {{std::move(value)}}};
    };
    if (asks("pg_control_system")) {
      return one(std::to_string(static_cast<int64_t>(wal::TestLog::kSystem.value)));
    }
    if (asks("pg_is_in_recovery")) return one("f");
    if (asks("current_setting")) return one(setting(*parameters[0]));
    if (asks("last_archived_wal")) return one(last_segment());
    if (asks("pg_database_size")) return one("0");
    if (asks("FROM pg_namespace")) return pgconn::Table{{"oid", "nspname"}, {{"2200", "public"}}};
    if (asks("FROM pg_class")) return relations(std::stoull(*parameters[0]));
    if (asks("FROM pg_database")) return databases();
    if (asks("pg_backup_start")) return one(start_.text());
    if (asks("pg_backup_stop")) return stopped();
    return make_error(ErrorKind::kInvalid, "not in the script: " + std::string(sql));
  }
  bool alive() override { return true; }
  int server_version() const override { return 150018; }

 private:
  std::string last_segment() const {
    return pg::SegmentName::of({1}, stop_, wal::TestLog::kSegmentBytes)
        .text(wal::TestLog::kSegmentBytes);
  }

  std::string setting(const std::string& name) const {
    if (name == "data_directory") return pgdata_;
    if (name == "archive_mode") return "on";
    if (name == "archive_command") return "walkback wal-push %p";
    return join_path(pgdata_, name == "config_file" ? "postgresql.conf"
                              : name == "hba_file"  ? "pg_hba.conf"
                                                    : "pg_ident.conf");
  }

  pgconn::Table stopped() const {
    const std::string file = pg::SegmentName::of({1}, start_, wal::TestLog::kSegmentBytes)
                                 .text(wal::TestLog::kSegmentBytes);
    return {{"lsn", "labelfile", "spcmapfile"},
            {{stop_.text(),
              fmt::format("START WAL LOCATION: {} (file {})\nCHECKPOINT LOCATION: {}\n"
                          "BACKUP METHOD: streamed\nBACKUP FROM: primary\n"
                          "START TIME: 2026-11-22 15:00:00 UTC\nLABEL: scripted\n"
                          "START TIMELINE: 1\n",
                          start_.text(), file, start_.text()),
              ""}}};
  }

  pgconn::Table databases() const {
    pgconn::Table table{{"oid", "datname", "dattablespace", "datallowconn"}, {}};
    for (uint64_t i = 0; i < size_.databases(); ++i) {
      const std::string oid = std::to_string(kFirstDatabase + i);
      table.rows.push_back({oid, "db" + oid, "1663", "t"});
    }
    return table;
  }

  // The next of the database, as many as are asked for at once.
  pgconn::Table relations(uint64_t after) const {
    constexpr uint64_t kAtOnce = 10'000;
    pgconn::Table table{
        {"schema", "oid", "relname", "tablespace", "file", "kind", "rows", "parent"}, {}};
    const uint64_t first = (database_ - kFirstDatabase) * kFilesInDatabase;
    const uint64_t end = std::min(first + kFilesInDatabase, size_.files);
    for (uint64_t i = first; i < end && table.rows.size() < kAtOnce; ++i) {
      const pg::Oid number = GeneratedFile{false, i}.relation().number;
      if (number <= after) continue;
      const std::string oid = std::to_string(number);
      table.rows.push_back(
          {"2200", oid, "payments_of_tenant_" + oid, "1663", oid, "r", "12", std::nullopt});
    }
    return table;
  }

  const std::string pgdata_;
  const ClusterSize size_;
  const pg::Lsn start_;
  const pg::Lsn stop_;
  uint64_t database_ = kFirstDatabase;  // its oid
};

}  // namespace

std::unique_ptr<pgconn::Connection> connect_scripted_server(const std::string& pgdata,
                                                            const ClusterSize& size, pg::Lsn start,
                                                            pg::Lsn stop,
                                                            const std::string& database) {
  return std::make_unique<ScriptedServer>(pgdata, size, start, stop, database);
}

}  // namespace walkback
