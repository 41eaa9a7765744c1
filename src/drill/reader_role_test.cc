#include "drill/reader_role.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file_system.h"
#include "pgconn/testing/scratch_cluster.h"

namespace walkback::drill {
namespace {

using pgconn::testing::ScratchCluster;
using ::testing::HasSubstr;

// A session of a server that says of itself that it is older.
class OlderSession : public pgconn::Connection {
 public:
  explicit OlderSession(std::unique_ptr<pgconn::Connection> session)
      : session_(std::move(session)) {}
  Result<pgconn::Table> query(std::string_view sql,
                              const std::vector<pgconn::Value>& parameters) override {
    return session_->query(sql, parameters);
  }
  Result<uint64_t> copy_out(
      std::string_view sql,
      const std::function<Result<void>(std::string_view bytes)>& take) override {
    return session_->copy_out(sql, take);
  }
  bool alive() override { return session_->alive(); }
  int server_version() const override { return 130018; }

 private:
  std::unique_ptr<pgconn::Connection> session_;
};

// With the role pg_read_all_data, and as it is before PostgreSQL 14.
class Reader : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    cluster_.start();
    cluster_.sql("CREATE DATABASE shop");
    sql("CREATE TABLE kept AS SELECT 1 AS id");
  }
  void sql(const std::string& statement) { cluster_.sql(statement, "shop"); }
  Connect connect() {
    return [this](const std::string& database) -> Result<std::unique_ptr<pgconn::Connection>> {
      auto session = TRY(pgconn::connect({.conninfo = cluster_.conninfo(database)}));
      if (GetParam()) return session;
      return std::unique_ptr<pgconn::Connection>(
          std::make_unique<OlderSession>(std::move(session)));
    };
  }
  // The value, or what was said instead.
  std::string ask(const std::string& question) {
    if (!reader_) reader_ = ReaderRole::make(connect()).value();
    const auto session = reader_->connect("shop");
    if (!session.ok()) return session.error().message;
    const Result<std::string> answer = pgconn::query_text(**session, question);
    return answer.ok() ? *answer : answer.error().message;
  }
  std::string file(const std::string& name) const { return cluster_.directory() + "/" + name; }
  bool is_there(const std::string& name) const {
    return system_files().status(file(name)).value().has_value();
  }

  ScratchCluster cluster_;
  std::optional<ReaderRole> reader_;
};

INSTANTIATE_TEST_SUITE_P(, Reader, ::testing::Bool(), [](const auto& with_read_all_data) {
  return with_read_all_data.param ? "WithReadAllData" : "TableByTable";
});

TEST_P(Reader, LeavesTheServerByNoWay) {
  sql("CREATE FUNCTION runs(command text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN"
      " EXECUTE format('COPY kept TO PROGRAM %L', command); RETURN true; END $$");
  EXPECT_THAT(ask("COPY kept TO PROGRAM 'cat > " + file("copied") + "'"),
              HasSubstr("SQLSTATE 42501"));
  EXPECT_THAT(ask("COPY kept TO '" + file("copied") + "'"), HasSubstr("SQLSTATE 42501"));
  EXPECT_THAT(ask("SELECT runs('cat > " + file("copied") + "')"), HasSubstr("SQLSTATE 42501"));
  EXPECT_FALSE(is_there("copied"));
  cluster_.sql("SELECT lo_from_bytea(4711, 'x')", "shop");
  EXPECT_THAT(ask("SELECT lo_export(4711, '" + file("exported") + "')"),
              HasSubstr("SQLSTATE 42501"));
  EXPECT_FALSE(is_there("exported"));
}

TEST_P(Reader, WritesNothingWhateverItTries) {
  EXPECT_THAT(ask("INSERT INTO kept VALUES (2) RETURNING true"),
              HasSubstr("read-only transaction"));
  EXPECT_THAT(ask("DO $$ BEGIN SET TRANSACTION READ WRITE; END $$"),
              HasSubstr("must be set before any query"));
  EXPECT_THAT(ask("DO $$ BEGIN COMMIT; END $$"), HasSubstr("invalid transaction termination"));
  EXPECT_THAT(ask("SELECT pg_switch_wal()"), HasSubstr("SQLSTATE 42501"));
}

TEST_P(Reader, ReadsWhatASuperuserReads) {
  sql("CREATE ROLE ada");
  sql("CREATE SCHEMA own AUTHORIZATION ada");
  sql("CREATE TABLE own.notes AS SELECT 7 AS id");
  sql("ALTER TABLE own.notes OWNER TO ada");
  sql("ALTER TABLE own.notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY");
  sql("CREATE VIEW own.seen AS SELECT * FROM own.notes");
  sql("CREATE SEQUENCE own.numbers START 5");
  sql("CREATE FUNCTION own.sum() RETURNS bigint LANGUAGE sql AS 'SELECT sum(id) FROM own.notes'");
  sql("REVOKE ALL ON FUNCTION own.sum FROM PUBLIC");
  sql("SELECT lo_from_bytea(4711, 'whole')");
  sql("CREATE EXTENSION amcheck");
  sql("CREATE INDEX kept_id ON kept (id)");
  EXPECT_EQ(ask("SELECT id FROM own.notes"), "7");
  EXPECT_EQ(ask("SELECT id FROM own.seen"), "7");
  EXPECT_EQ(ask("SELECT last_value FROM own.numbers"), "5");
  EXPECT_EQ(ask("SELECT own.sum()"), "7");
  EXPECT_EQ(ask("SELECT convert_from(lo_get(4711), 'UTF8')"), "whole");
  EXPECT_EQ(ask("SELECT bt_index_check('kept_id') IS NOT NULL"), "t");
  EXPECT_EQ(ask("SELECT count(*) > 0 FROM pg_authid"), "t");
  EXPECT_EQ(ask("SELECT current_setting('data_directory')"), cluster_.pgdata());
}

TEST_P(Reader, FindsTheSettingsOfASuperuser) {
  sql("CREATE SCHEMA postgres");
  sql("CREATE TABLE postgres.mine AS SELECT 3 AS id");
  cluster_.sql("ALTER ROLE postgres SET app.tenant = 'seven'");
  cluster_.sql("ALTER DATABASE shop CONNECTION LIMIT 0");
  cluster_.sql("REVOKE CONNECT ON DATABASE shop FROM PUBLIC");
  EXPECT_EQ(ask("SELECT id FROM mine"), "3") << "$user";
  EXPECT_EQ(ask("SELECT current_setting('app.tenant')"), "seven");
}

TEST_P(Reader, IsMadeThoughAnEventTriggerForbidsItAndIsGoneAfterwards) {
  sql("CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN"
      " RAISE EXCEPTION 'nobody grants here'; END $$");
  sql("CREATE FUNCTION private() RETURNS int LANGUAGE sql AS 'SELECT 1'");
  sql("REVOKE ALL ON FUNCTION private FROM PUBLIC");
  sql("CREATE EVENT TRIGGER no ON ddl_command_start EXECUTE FUNCTION no()");
  EXPECT_EQ(ask("SELECT private()"), "1");
  EXPECT_EQ(ask("SELECT id FROM kept"), "1");
  reader_->remove();
  EXPECT_EQ(cluster_.sql("SELECT count(*) FROM pg_roles WHERE rolname ~ '^walkback'"), "0");
}

}  // namespace
}  // namespace walkback::drill
