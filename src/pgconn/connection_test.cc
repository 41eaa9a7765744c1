#include "pgconn/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "pgconn/testing/scratch_cluster.h"

namespace walkback::pgconn {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::ScratchCluster;

class ConnectionTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    cluster_ = std::make_unique<ScratchCluster>();
    cluster_->start();
  }
  static void TearDownTestSuite() { cluster_.reset(); }

  ScratchCluster& cluster() { return *cluster_; }
  std::unique_ptr<Connection> connect() { return cluster_->connect(); }

 private:
  static inline std::unique_ptr<ScratchCluster> cluster_;
};

TEST_F(ConnectionTest, AnswersWithColumnsRowsAndNulls) {
  auto answer =
      connect()->query("SELECT 7 AS n, NULL AS nothing, 'Zoë' AS name UNION ALL SELECT 8, '', ''");
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_THAT(answer->columns, ::testing::ElementsAre("n", "nothing", "name"));
  ASSERT_EQ(answer->rows.size(), 2u);
  EXPECT_THAT(answer->rows[0], ::testing::ElementsAre(Value("7"), Value(), Value("Zoë")));
  EXPECT_THAT(answer->rows[1], ::testing::ElementsAre(Value("8"), Value(""), Value("")));
}

TEST_F(ConnectionTest, ParametersAreNeverPartOfTheStatement) {
  auto answer = query_text(*connect(), "SELECT $1::text", {Value("'; DROP TABLE x; --")});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(*answer, "'; DROP TABLE x; --");
  auto null = connect()->query("SELECT $1::text IS NULL", {Value()});
  ASSERT_TRUE(null.ok());
  EXPECT_EQ(null->rows[0][0], Value("t"));
}

TEST_F(ConnectionTest, AServersErrorKeepsItsDetailHintAndSqlstate) {
  auto session = connect();
  auto raised = session->query(
      "DO $$ BEGIN RAISE EXCEPTION USING MESSAGE = E'two\\nlines', DETAIL = 'why', HINT = 'do "
      "that'; END $$");
  ASSERT_FALSE(raised.ok());
  EXPECT_EQ(raised.error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(raised.error().message, "PostgreSQL: two lines: why (SQLSTATE P0001)");
  EXPECT_EQ(raised.error().hint, "do that");
  EXPECT_TRUE(session->alive()) << "an error is not the end of the session";
}

TEST_F(ConnectionTest, ACopyGivesItsBytesAndCountsItsRows) {
  auto session = connect();
  std::string bytes;
  const auto take = [&](std::string_view piece) -> Result<void> {
    bytes += piece;
    return success();
  };
  auto rows = session->copy_out(
      "COPY (VALUES (1, 'a,b'), (2, NULL), (3, '')) TO STDOUT (FORMAT csv)", take);
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  EXPECT_EQ(*rows, 3u);
  EXPECT_EQ(bytes, "1,\"a,b\"\n2,\n3,\"\"\n");
  EXPECT_FALSE(session->copy_out("SELECT 1", take).ok());
  EXPECT_FALSE(session->copy_out("COPY (SELECT 1) TO STDOUT; SELECT 2", take).ok())
      << "one statement";
  // Whose error comes behind its first rows.
  auto late =
      session->copy_out("COPY (SELECT 1 / (3 - n) FROM generate_series(1, 3) n) TO STDOUT", take);
  ASSERT_FALSE(late.ok());
  EXPECT_THAT(late.error().message, HasSubstr("division by zero"));
  EXPECT_EQ(*query_text(*session, "SELECT 7"), "7");
}

TEST_F(ConnectionTest, ACopyThatNobodyTakesIsCancelled) {
  auto session = connect();
  size_t pieces = 0;
  auto rows = session->copy_out("COPY (SELECT generate_series(1, 100000000)) TO STDOUT",
                                [&](std::string_view) -> Result<void> {
                                  ++pieces;
                                  return make_error(ErrorKind::kNoSpace, "no room");
                                });
  ASSERT_FALSE(rows.ok());
  EXPECT_EQ(rows.error().message, "no room");
  EXPECT_EQ(pieces, 1u);
  EXPECT_EQ(*query_text(*session, "SELECT 7"), "7");
}

TEST_F(ConnectionTest, AMissingPrivilegeIsDenied) {
  auto session = connect();
  ASSERT_TRUE(session->query("CREATE ROLE nobody_here").ok());
  ASSERT_TRUE(session->query("SET ROLE nobody_here").ok());
  auto answer = session->query("SELECT pg_switch_wal()");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().kind, ErrorKind::kDenied);
}

TEST_F(ConnectionTest, AnswersDoNotDependOnTheRolesSettings) {
  cluster().sql("ALTER ROLE postgres SET DateStyle = 'SQL, DMY'");
  cluster().sql("ALTER ROLE postgres SET TimeZone = 'Asia/Tokyo'");
  cluster().sql("ALTER ROLE postgres SET statement_timeout = '10s'");
  cluster().sql("ALTER ROLE postgres SET idle_session_timeout = '10s'");
  cluster().sql("ALTER ROLE postgres SET search_path = 'public'");
  auto session = connect();
  EXPECT_EQ(*query_text(*session, "SELECT '2026-11-22 15:46:59+00'::timestamptz::text"),
            "2026-11-22 15:46:59+00");
  for (const char* name : {"statement_timeout", "idle_session_timeout", "lock_timeout"}) {
    EXPECT_EQ(*query_text(*session, "SELECT current_setting($1)", {Value(name)}), "0") << name;
  }
  EXPECT_EQ(*query_text(*session, "SELECT current_setting('search_path')"), "pg_catalog");
  EXPECT_EQ(*query_text(*session, "SELECT current_setting('application_name')"), "walkback");
  cluster().sql("ALTER ROLE postgres RESET ALL");
}

// As somebody may have set them who thought of the application only.
TEST_F(ConnectionTest, NoDefaultOfTheServerIsHostileEnough) {
  ScratchCluster hostile;
  hostile.start();
  for (const char* setting :
       {"default_transaction_isolation = 'serializable'", "default_transaction_read_only = on",
        "default_transaction_deferrable = on", "statement_timeout = 1", "lock_timeout = 1",
        "idle_in_transaction_session_timeout = 1", "idle_session_timeout = 1000",
        "search_path = 'nowhere'", "DateStyle = 'Postgres, DMY'", "IntervalStyle = 'iso_8601'",
        "TimeZone = 'Asia/Tokyo'", "bytea_output = 'escape'", "extra_float_digits = -15",
        "quote_all_identifiers = on", "client_encoding = 'LATIN1'",
        "standard_conforming_strings = off"}) {
    hostile.sql(std::string("ALTER SYSTEM SET ") + setting);
  }
  hostile.stop();
  hostile.configure("hot_standby = on\nrestore_command = 'false'\n");
  std::ofstream(hostile.pgdata() + "/standby.signal").flush();
  hostile.start();
  auto session = hostile.connect();
  EXPECT_EQ(*query_text(*session, "SELECT pg_is_in_recovery()"), "t");
  EXPECT_EQ(*query_text(*session, "SELECT '2026-11-22 15:46:59+00'::timestamptz"),
            "2026-11-22 15:46:59+00");
  EXPECT_EQ(*query_text(*session, "SELECT '\\x00ff'::bytea || ''"), "\\x00ff");
  EXPECT_EQ(*query_text(*session, "SELECT 0.1::float8 + 0.2::float8"), "0.30000000000000004");
  EXPECT_EQ(*query_text(*session, "SELECT '1 day 2 hours'::interval"), "1 day 02:00:00");
  EXPECT_EQ(*query_text(*session, "SELECT quote_ident('plain') || 'ë'"), "plainë");
  EXPECT_EQ(*query_text(*session, "SHOW transaction_isolation"), "read committed");
  EXPECT_EQ(*query_text(*session, "SHOW transaction_deferrable"), "off");
  for (const char* name : {"statement_timeout", "lock_timeout", "idle_session_timeout",
                           "idle_in_transaction_session_timeout"}) {
    EXPECT_EQ(*query_text(*session, "SELECT current_setting($1)", {Value(name)}), "0") << name;
  }
}

TEST_F(ConnectionTest, KnowsTheServersVersion) {
  auto session = connect();
  EXPECT_EQ(std::to_string(session->server_version()),
            *query_text(*session, "SELECT current_setting('server_version_num')"));
}

TEST_F(ConnectionTest, ASessionEndedByTheServerIsNoticedWithoutAsking) {
  auto session = connect();
  EXPECT_TRUE(session->alive());
  std::string pid = *query_text(*session, "SELECT pg_backend_pid()");
  cluster().sql("SELECT pg_terminate_backend(" + pid + ", 10000)");
  EXPECT_FALSE(session->alive());
  auto answer = session->query("SELECT 1");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().kind, ErrorKind::kTransient);
}

TEST_F(ConnectionTest, OneValueMeansExactlyOne) {
  auto session = connect();
  for (const char* sql :
       {"SELECT 1 WHERE false", "SELECT 1, 2", "SELECT NULL", "VALUES (1), (2)"}) {
    auto answer = query_text(*session, sql);
    ASSERT_FALSE(answer.ok()) << sql;
    EXPECT_THAT(answer.error().message, HasSubstr(sql));
  }
}

TEST_F(ConnectionTest, AWrongPasswordIsReportedWithoutIt) {
  cluster().sql("CREATE ROLE tiger LOGIN PASSWORD 'scott'");
  std::ofstream(cluster().pgdata() + "/pg_hba.conf")
      << "local all tiger scram-sha-256\nlocal all all trust\n";
  cluster().sql("SELECT pg_reload_conf()");
  std::string who = "host=" + cluster().directory() + " port=" + std::to_string(cluster().port()) +
                    " dbname=postgres user=tiger";
  auto missing = pgconn::connect({.conninfo = who});
  for (int i = 0; missing.ok() && i < 100; ++i)
    missing = pgconn::connect({.conninfo = who});  // the reload
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().kind, ErrorKind::kDenied);
  auto wrong = pgconn::connect({.conninfo = who + " password=s3cret"});
  ASSERT_FALSE(wrong.ok());
  EXPECT_THAT(wrong.error().message + wrong.error().hint, Not(HasSubstr("s3cret")));
  EXPECT_TRUE(pgconn::connect({.conninfo = who + " password=scott"}).ok());
}

TEST_F(ConnectionTest, AConninfoThatCannotBeReadIsNotEchoed) {
  for (const char* conninfo :
       {"host=x password=my s3cret user=y", "postgresql://me:s3cret@[::1/db", "password='s3cret"}) {
    auto answer = pgconn::connect({.conninfo = conninfo});
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().kind, ErrorKind::kInvalid) << conninfo;
    EXPECT_THAT(answer.error().message + answer.error().hint, Not(HasSubstr("s3cret")));
  }
  auto typo = pgconn::connect({.conninfo = "hots=/tmp"});
  ASSERT_FALSE(typo.ok());
  EXPECT_THAT(typo.error().message, HasSubstr("hots"));
}

TEST(ConnectTest, AServerThatIsNotThereIsTransientAndOneLine) {
  auto answer = connect({.conninfo = "host=/tmp/walkback-nowhere port=1"});
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(answer.error().message, Not(HasSubstr("\n")));
}

TEST(ScratchClusterTest, ACrashLosesNothingThatWasCommitted) {
  ScratchCluster cluster;
  cluster.start();
  cluster.sql("CREATE TABLE public.t AS SELECT 42 AS n");
  cluster.crash();
  EXPECT_FALSE(pgconn::connect({.conninfo = cluster.conninfo()}).ok());
  cluster.start();
  EXPECT_EQ(cluster.sql("SELECT n FROM public.t"), Value("42"));
  cluster.stop();
  EXPECT_FALSE(cluster.running());
}

}  // namespace
}  // namespace walkback::pgconn
