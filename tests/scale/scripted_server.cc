#include "scripted_server.h"

#include <charconv>

#include "backup/testing/scripted_primary.h"
#include "wal/test_log.h"

namespace walkback {

namespace {

class ScriptedServer final : public backup::ScriptedPrimary {
 public:
  ScriptedServer(const std::string& pgdata, const ClusterSize& size, pg::Lsn start, pg::Lsn stop,
                 const std::string& database)
      : ScriptedPrimary(pgdata, wal::TestLog::kSystem, wal::TestLog::kSegmentBytes),
        size_(size),
        start_(start),
        stop_(stop) {
    std::from_chars(database.data() + 2, database.data() + database.size(), database_);
  }

 private:
  std::optional<pgconn::Table> answer_first(std::string_view sql,
                                            const std::vector<pgconn::Value>& parameters) override {
    if (asks(sql, "FROM pg_namespace")) {
      return pgconn::Table{{"oid", "nspname"}, {{"2200", "public"}}};
    }
    if (asks(sql, "FROM pg_class")) return relations(std::stoull(*parameters[0]));
    if (asks(sql, "FROM pg_database")) return databases();
    return std::nullopt;
  }
  std::string last_archived() override {
    return pg::SegmentName::of({1}, stop_, wal::TestLog::kSegmentBytes)
        .text(wal::TestLog::kSegmentBytes);
  }
  pg::Lsn begin_backup() override { return start_; }
  pg::Lsn end_backup(pg::Lsn) override { return stop_; }

  pgconn::Table databases() const {
    pgconn::Table table{{"oid", "datname", "dattablespace", "datallowconn", "own"}, {}};
    for (uint64_t i = 0; i < size_.databases(); ++i) {
      const std::string oid = std::to_string(kFirstDatabase + i);
      table.rows.push_back(
          {oid, "db" + oid, "1663", "t", kFirstDatabase + i == database_ ? "t" : "f"});
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
