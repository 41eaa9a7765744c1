// Rows given back on a real server. Sessions whose snapshots are held stand for the scratch server:
// one as it was before the mistake, one as it was right after.
#include "undo/live_run.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file_system.h"
#include "undo/staging.h"
#include "undo/testing/cluster_wal.h"

namespace walkback::undo {
namespace {

using pgconn::testing::ScratchCluster;
using pgconn::testing::ScratchDirectory;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LiveRunTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    cluster_ = std::make_unique<ScratchCluster>(pgconn::testing::Arguments{"--wal-segsize=1"});
    cluster_->configure("autovacuum = off\n");
    cluster_->start();
  }
  static void TearDownTestSuite() { cluster_.reset(); }

  void SetUp() override {
    session_ = cluster_->connect();
    sql("DROP SCHEMA IF EXISTS s CASCADE");
    sql("CREATE SCHEMA s");
  }

  void sql(const std::string& statement) { run(*session_, statement); }
  static void run(pgconn::Connection& session, const std::string& statement) {
    const auto answer = session.query(statement);
    ASSERT_TRUE(answer.ok()) << statement << ": " << answer.error().message;
  }
  // Every row as text, in order.
  std::vector<std::string> content(const std::string& table) {
    const auto answer = session_->query("SELECT t::text FROM " + table + " t ORDER BY 1");
    EXPECT_TRUE(answer.ok()) << answer.error().message;
    std::vector<std::string> rows;
    for (const auto& row : answer.value().rows) rows.push_back(*row[0]);
    return rows;
  }
  std::unique_ptr<pgconn::Connection> session_that_sees_now() {
    auto session = cluster_->connect();
    run(*session, "BEGIN ISOLATION LEVEL REPEATABLE READ");
    run(*session, "SELECT FROM pg_class");
    return session;
  }

  // The transaction that is to be undone.
  void mistake(const std::vector<std::string>& statements) {
    then_ = session_that_sees_now();
    from_ = pg::Lsn::parse(*pgconn::query_text(*session_, "SELECT pg_current_wal_insert_lsn()"))
                .value();
    sql("BEGIN");
    xid_ = static_cast<pg::Xid>(
        std::stoull(*pgconn::query_text(*session_, "SELECT pg_current_xact_id()")));
    for (const std::string& statement : statements) sql(statement);
    sql("COMMIT");
    after_ = session_that_sees_now();
  }

  // Stages all; `tables` as they are called.
  void prepare(const std::vector<std::string>& tables) {
    const RowChanges changes = testing::changes_of(*cluster_, from_, xid_);
    std::vector<UndoTable> undo_tables;
    std::vector<std::string> then_names;
    std::vector<wal::RelationLocator> files;
    for (const std::string& table : tables) {
      const auto oid = static_cast<pg::Oid>(
          std::stoul(*pgconn::query_text(*then_, "SELECT $1::regclass::oid", {table})));
      const TableShape then = read_shape(*then_, oid).value().value();
      TableShape today = read_shape(*session_, oid).value().value();
      undo_tables.push_back(make_undo_table(undo_tables.size() + 1, then, std::move(today)));
      then_names.push_back(then.name.quoted);
      const auto file = then_->query(
          "SELECT d.dattablespace, d.oid, pg_relation_filenode($1::oid) FROM pg_database d"
          " WHERE d.datname = current_database()",
          {std::to_string(oid)});
      const auto number = [&](size_t i) {
        return static_cast<pg::Oid>(std::stoul(*file.value().rows[0][i]));
      };
      files.push_back({number(0), number(1), number(2)});
    }
    script_.emplace(undo_tables);
    spool_.emplace(TextSpool::create(system_files(), place_ / "spool").value());
    const auto keep = [&](const std::string& statement) {
      all_ += statement + ";\n";
      return spool_->add(statement);
    };
    for (size_t i = 0; i < undo_tables.size(); ++i) {
      const std::vector<ChangedRow> rows = changes.of(files[i]);
      Result<void> was = stage_was(*then_, then_names[i], undo_tables[i], rows, {}, keep);
      ASSERT_TRUE(was.ok()) << was.error().message;
      Result<void> now = stage_now(*after_, then_names[i], undo_tables[i], rows, {}, keep);
      ASSERT_TRUE(now.ok()) << now.error().message;
    }
    then_.reset();
    after_.reset();
  }

  LiveOutcome undo(OnConflict mode = OnConflict::kFail) {
    auto live = cluster_->connect();
    LiveRun run(*live, *script_, *spool_);
    Result<LiveOutcome> preview = run.preview();
    EXPECT_TRUE(preview.ok()) << preview.error().message;
    if (!preview.ok()) return {};
    preview_ = *preview;
    Result<LiveOutcome> done = run.apply(mode);
    error_ = done.ok() ? std::string() : done.error().message;
    return done.ok() ? *done : LiveOutcome();
  }
  LiveOutcome undone(const std::vector<std::string>& tables, OnConflict mode = OnConflict::kFail) {
    prepare(tables);
    return undo(mode);
  }

  static inline std::unique_ptr<ScratchCluster> cluster_;
  ScratchDirectory place_;
  std::unique_ptr<pgconn::Connection> session_, then_, after_;
  pg::Lsn from_;
  pg::Xid xid_ = 0;
  std::optional<Script> script_;
  std::optional<TextSpool> spool_;
  std::string all_;
  LiveOutcome preview_;
  std::string error_;
};

TEST_F(LiveRunTest, EveryTypeComesBackAsItWas) {
  sql("CREATE TYPE s.mood AS ENUM ('sad', 'it''s ok', 'happy')");
  sql("CREATE TYPE s.pair AS (a int, b text)");
  sql("CREATE DOMAIN s.even AS int CHECK (VALUE % 2 = 0)");
  sql("CREATE TABLE s.\"All Types\" (id int PRIMARY KEY, always int GENERATED ALWAYS AS IDENTITY,"
      " defaulted int GENERATED BY DEFAULT AS IDENTITY, twice int GENERATED ALWAYS AS (id * 2)"
      " STORED, wide text, numbers int[][], doc jsonb, plain json, mood s.mood, pair s.pair,"
      " pairs s.pair[], span int4range, spans int4multirange, words tsvector, raw bytea,"
      " amount numeric, single float4, dbl float8, at timestamptz, how_long interval, uid uuid,"
      " spot point, bits bit varying, net inet, even s.even, \"Odd \"\"Name\" text, x xml,"
      " \"user\" name, yes bool)");
  sql("INSERT INTO s.\"All Types\" (id, wide, numbers, doc, plain, mood, pair, pairs, span, spans, "
      "words,"
      " raw, amount, single, dbl, at, how_long, uid, spot, bits, net, even, \"Odd \"\"Name\", x, "
      "\"user\","
      " yes) SELECT g,"
      " (SELECT string_agg(md5(g::text || i), '') FROM generate_series(1, 400) i),"
      " ARRAY[[g, NULL], [2, 3]], jsonb_build_object('k', g, 'n', NULL, 'q', 'it''s \"\\'),"
      " '{\"a\":  1}', 'it''s ok', ROW(g, 'a,\"b\\')::s.pair, ARRAY['(1,)'::s.pair],"
      " int4range(g, g + 5), int4multirange(int4range(1, 3), int4range(5, 7)),"
      " to_tsvector('english', 'the quick ''brown'' foxes'), decode('00ff27', 'hex'),"
      " 'NaN', 0.1, 1e300 / 3, '2026-11-25 12:00:00.123456+02', '1 mon -3 days 04:05:06.7',"
      " md5(g::text)::uuid, point(0.1, g), B'101', '10.0.0.0/8', 4, E'tab\\tline\\n\\\\', "
      "'<a>é</a>',"
      " 'n', true FROM generate_series(1, 60) g");
  sql("INSERT INTO s.\"All Types\" (id, amount) VALUES (61, 'Infinity'), (62, -0.00), (63, 1.10)");
  const std::vector<std::string> before = content("s.\"All Types\"");
  mistake({"DELETE FROM s.\"All Types\" WHERE id % 2 = 0",
           "UPDATE s.\"All Types\" SET wide = 'gone', doc = '{}', amount = 0, pair = NULL, mood = "
           "'sad',"
           " numbers = '{}', words = '', raw = '', span = 'empty', plain = NULL, spot = NULL"});
  const LiveOutcome done = undone({"s.\"All Types\""});
  EXPECT_EQ(error_, "");
  EXPECT_EQ(content("s.\"All Types\""), before);
  ASSERT_EQ(done.tables.size(), 1u);
  EXPECT_EQ(done.tables[0].table, "s.\"All Types\"");
  EXPECT_EQ(done.tables[0].inserted, 31u);
  EXPECT_EQ(done.tables[0].set_back, 32u);
  EXPECT_EQ(done.tables[0].conflicts, 0u);
  EXPECT_EQ(preview_.tables, done.tables);
  EXPECT_GT(done.xid.value_or(0), xid_);
}

TEST_F(LiveRunTest, ItCanItselfBeUndone) {
  sql("CREATE TABLE s.t (id int PRIMARY KEY, v text)");
  sql("INSERT INTO s.t SELECT g, 'v' || g FROM generate_series(1, 2000) g");
  const auto before = content("s.t");
  mistake({"DELETE FROM s.t WHERE id > 100", "UPDATE s.t SET v = 'x'",
           "INSERT INTO s.t VALUES (9999, 'new')"});
  const auto after_mistake = content("s.t");
  prepare({"s.t"});
  // The undo's own transaction is what is undone next.
  then_ = session_that_sees_now();
  from_ =
      pg::Lsn::parse(*pgconn::query_text(*session_, "SELECT pg_current_wal_insert_lsn()")).value();
  const LiveOutcome done = undo();
  ASSERT_EQ(error_, "");
  EXPECT_EQ(content("s.t"), before);
  xid_ = static_cast<pg::Xid>(*done.xid);
  after_ = session_that_sees_now();
  spool_.reset();
  undone({"s.t"});
  EXPECT_EQ(error_, "");
  EXPECT_EQ(content("s.t"), after_mistake);
}

TEST_F(LiveRunTest, DuplicatesWithoutAKeyAreTakenAwayOnceEach) {
  sql("CREATE TABLE s.t (a int, b json)");
  sql("INSERT INTO s.t SELECT g % 3, '{\"a\": 1}' FROM generate_series(1, 30) g");
  const auto before = content("s.t");
  mistake({"INSERT INTO s.t SELECT g % 3, '{\"a\": 1}' FROM generate_series(1, 12) g",
           "INSERT INTO s.t VALUES (NULL, NULL), (NULL, NULL)",
           "DELETE FROM s.t WHERE ctid IN (SELECT ctid FROM s.t WHERE a = 1 LIMIT 3)"});
  sql("INSERT INTO s.t VALUES (7, NULL)");
  const LiveOutcome done = undone({"s.t"});
  EXPECT_EQ(error_, "");
  auto expected = before;
  expected.push_back("(7,)");
  std::ranges::sort(expected);
  EXPECT_EQ(content("s.t"), expected);
}

TEST_F(LiveRunTest, WhatChangedSinceIsAConflictAndStays) {
  sql("CREATE TABLE s.t (id int PRIMARY KEY, v int, u int UNIQUE)");
  sql("INSERT INTO s.t SELECT g, g, g FROM generate_series(1, 10) g");
  mistake({"DELETE FROM s.t WHERE id <= 3", "UPDATE s.t SET v = -1 WHERE id BETWEEN 4 AND 7",
           "INSERT INTO s.t VALUES (11, 11, 11), (12, 12, 12)"});
  sql("INSERT INTO s.t VALUES (1, 100, 100)");  // the key is taken again
  sql("INSERT INTO s.t VALUES (2, 2, 2)");      // the row is there again
  sql("INSERT INTO s.t VALUES (30, 0, 3)");     // another key of 3
  sql("UPDATE s.t SET v = 99 WHERE id = 4");    // changed since
  sql("DELETE FROM s.t WHERE id = 5");          // gone
  sql("UPDATE s.t SET v = 99 WHERE id = 11");
  const auto before_undo = content("s.t");
  prepare({"s.t"});
  undo(OnConflict::kFail);
  EXPECT_THAT(error_, HasSubstr("6 of the rows"));
  EXPECT_EQ(content("s.t"), before_undo);
  ASSERT_EQ(preview_.tables.size(), 1u);
  EXPECT_THAT(preview_.tables[0].listed,
              ElementsAre(Conflict{"insert", "key taken again: t_pkey", "id=1"},
                          Conflict{"insert", "row there again", "id=2"},
                          Conflict{"insert", "key taken again: t_u_key", "id=3"},
                          Conflict{"update", "changed since", "id=4"},
                          Conflict{"update", "gone since", "id=5"},
                          Conflict{"remove", "changed since", "id=11"}));

  const LiveOutcome skipped = undo(OnConflict::kSkip);
  EXPECT_EQ(error_, "");
  EXPECT_THAT(content("s.t"),
              ElementsAre("(1,100,100)", "(10,10,10)", "(11,99,11)", "(2,2,2)", "(30,0,3)",
                          "(4,99,4)", "(6,6,6)", "(7,7,7)", "(8,8,8)", "(9,9,9)"));
  EXPECT_EQ(skipped.conflicts(), 6u);

  undo(OnConflict::kOverwrite);
  EXPECT_EQ(error_, "");
  EXPECT_THAT(content("s.t"), ElementsAre("(1,1,1)", "(10,10,10)", "(2,2,2)", "(30,0,3)", "(4,4,4)",
                                          "(5,5,5)", "(6,6,6)", "(7,7,7)", "(8,8,8)", "(9,9,9)"));
}

TEST_F(LiveRunTest, KeysThatWereExchangedOrMovedComeBack) {
  sql("CREATE TABLE s.t (id int PRIMARY KEY, name text)");
  sql("INSERT INTO s.t SELECT g, 'n' || g FROM generate_series(1, 500) g");
  const auto before = content("s.t");
  mistake({"UPDATE s.t SET id = id + 100000", "UPDATE s.t SET id = 501 - (id - 100000)"});
  undone({"s.t"});
  EXPECT_EQ(error_, "");
  EXPECT_EQ(content("s.t"), before);
}

class Family : public LiveRunTest {
 protected:
  void SetUp() override {
    LiveRunTest::SetUp();
    sql("CREATE TABLE s.customers (id int PRIMARY KEY, boss int REFERENCES s.customers)");
    sql("CREATE TABLE s.orders (id int PRIMARY KEY, customer int REFERENCES s.customers ON DELETE"
        " CASCADE)");
    sql("CREATE TABLE s.lines (id int PRIMARY KEY, order_id int REFERENCES s.orders ON DELETE"
        " CASCADE)");
    sql("INSERT INTO s.customers SELECT g, NULLIF(g / 2, 0) FROM generate_series(1, 40) g");
    sql("INSERT INTO s.orders SELECT g, 1 + g % 40 FROM generate_series(1, 100) g");
    sql("INSERT INTO s.lines SELECT g, 1 + g % 100 FROM generate_series(1, 300) g");
  }
  std::vector<std::vector<std::string>> all() {
    return {content("s.customers"), content("s.orders"), content("s.lines")};
  }
  // Named in an order that does not load.
  const std::vector<std::string> tables_{"s.lines", "s.orders", "s.customers"};
};

TEST_F(Family, ACascadeOverThreeTablesComesBack) {
  const auto before = all();
  mistake({"DELETE FROM s.customers WHERE id > 20"});
  undone(tables_);
  EXPECT_EQ(error_, "");
  EXPECT_EQ(all(), before);
  // And it does load in the order of the statements: what is referenced comes first.
  ASSERT_EQ(script_->tables().size(), 3u);
  EXPECT_EQ(script_->tables()[0].shape.name.quoted, "s.customers");
  EXPECT_EQ(script_->tables()[2].shape.name.quoted, "s.lines");
}

TEST_F(Family, AReferencedRowThatIsMissingIsAConflictOfAllThatHangOnIt) {
  mistake({"DELETE FROM s.orders WHERE id <= 40"});
  sql("DELETE FROM s.customers WHERE id = 33");  // of order 32, and nobody's boss
  const LiveOutcome done = undone(tables_, OnConflict::kSkip);
  EXPECT_EQ(error_, "");
  ASSERT_EQ(preview_.tables.size(), 3u);
  EXPECT_EQ(preview_.tables, done.tables);
  EXPECT_THAT(
      preview_.tables[1].listed,
      ElementsAre(Conflict{"insert", "referenced row missing: orders_customer_fkey", "id=32"}));
  EXPECT_EQ(preview_.tables[2].conflicts, 3u);  // its lines
  const auto orphans = session_->query(
      "SELECT FROM s.lines WHERE order_id NOT IN (SELECT id FROM s.orders) UNION ALL"
      " SELECT FROM s.orders WHERE customer NOT IN (SELECT id FROM s.customers)");
  EXPECT_THAT(orphans.value().rows, IsEmpty());
}

TEST_F(Family, ARowThatIsReferencedSinceStays) {
  mistake({"INSERT INTO s.customers VALUES (100, 1), (101, 100), (102, 101)"});
  sql("INSERT INTO s.orders VALUES (500, 102)");
  const auto before = all();
  const LiveOutcome done = undone({"s.customers"}, OnConflict::kSkip);
  EXPECT_EQ(error_, "");
  EXPECT_EQ(all(), before);
  EXPECT_EQ(done.tables[0].conflicts, 3u);
  EXPECT_EQ(done.tables[0].listed[2],
            (Conflict{"remove", "still referenced: orders_customer_fkey", "id=102"}));
}

TEST_F(LiveRunTest, PartitionsAndForeignKeysToThem) {
  sql("CREATE TABLE s.p (id int PRIMARY KEY, v int) PARTITION BY RANGE (id)");
  sql("CREATE TABLE s.p1 PARTITION OF s.p FOR VALUES FROM (0) TO (100)");
  sql("CREATE TABLE s.p2 PARTITION OF s.p FOR VALUES FROM (100) TO (300)");
  sql("CREATE TABLE s.c (id int PRIMARY KEY, p int REFERENCES s.p)");
  sql("INSERT INTO s.p SELECT g, g FROM generate_series(1, 199) g");
  sql("INSERT INTO s.c SELECT g, g FROM generate_series(80, 120) g");
  const auto before = content("s.p");
  const auto before_c = content("s.c");
  mistake({"DELETE FROM s.c", "UPDATE s.p SET id = id + 100 WHERE id BETWEEN 80 AND 90 AND false",
           "DELETE FROM s.p WHERE id BETWEEN 90 AND 110",
           "UPDATE s.p SET id = id + 200 WHERE id < 20"});
  undone({"s.p1", "s.p2", "s.c"});
  EXPECT_EQ(error_, "");
  EXPECT_EQ(content("s.p"), before);
  EXPECT_EQ(content("s.c"), before_c);
}

TEST_F(LiveRunTest, TriggersRulesAndPoliciesDoNotInterfere) {
  sql("CREATE TABLE s.audit (what text)");
  sql("CREATE TABLE s.t (id int PRIMARY KEY, v int)");
  sql("INSERT INTO s.t SELECT g, g FROM generate_series(1, 10) g");
  sql("CREATE FUNCTION s.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
      " INSERT INTO s.audit VALUES (TG_OP); RETURN NULL; END $$");
  sql("CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON s.t FOR EACH ROW EXECUTE FUNCTION"
      " s.note()");
  sql("CREATE RULE no AS ON INSERT TO s.t DO INSTEAD NOTHING");
  sql("ALTER TABLE s.t ENABLE ROW LEVEL SECURITY");
  sql("ALTER TABLE s.t FORCE ROW LEVEL SECURITY");
  sql("CREATE POLICY none ON s.t USING (false)");
  const auto before = content("s.t");
  mistake({"DELETE FROM s.t WHERE id < 5", "UPDATE s.t SET v = 0"});
  undone({"s.t", "s.audit"});
  EXPECT_EQ(error_, "");
  EXPECT_EQ(content("s.t"), before);
  // Its rows are the mistake's as well, and none of the undo came.
  EXPECT_THAT(content("s.audit"), IsEmpty());
}

TEST_F(LiveRunTest, ColumnsThatCameOrWentSince) {
  sql("CREATE TABLE s.t (id int PRIMARY KEY, kept int, gone int)");
  sql("INSERT INTO s.t SELECT g, g, g FROM generate_series(1, 3) g");
  mistake({"DELETE FROM s.t WHERE id = 1", "UPDATE s.t SET kept = 0 WHERE id = 2"});
  sql("ALTER TABLE s.t DROP gone, ADD fresh int DEFAULT 7");
  undone({"s.t"});
  EXPECT_EQ(error_, "");
  EXPECT_THAT(content("s.t"), ElementsAre("(1,1,7)", "(2,2,7)", "(3,3,7)"));
}

TEST_F(LiveRunTest, ARowThatIsLockedMeanwhileIsLookedAtAgain) {
  sql("CREATE TABLE s.t (id int PRIMARY KEY, v int)");
  sql("INSERT INTO s.t VALUES (1, 1), (2, 2)");
  mistake({"UPDATE s.t SET v = 0"});
  prepare({"s.t"});
  auto live = cluster_->connect();
  LiveRun run(*live, *script_, *spool_);
  EXPECT_EQ(run.preview().value().conflicts(), 0u);
  // After the preview, before the locks.
  sql("UPDATE s.t SET v = 5 WHERE id = 1");
  const LiveOutcome done = run.apply(OnConflict::kSkip).value();
  EXPECT_EQ(done.conflicts(), 1u);
  EXPECT_THAT(content("s.t"), ElementsAre("(1,5)", "(2,2)"));
}

TEST_F(LiveRunTest, AConstraintThatNobodyLookedAtKeepsAllAsItWas) {
  sql("CREATE TABLE s.t (id int PRIMARY KEY, v int)");
  sql("CREATE UNIQUE INDEX half ON s.t (v) WHERE v > 0");
  sql("INSERT INTO s.t VALUES (1, 1), (2, 2)");
  mistake({"DELETE FROM s.t"});
  sql("INSERT INTO s.t VALUES (3, 1)");
  undone({"s.t"}, OnConflict::kSkip);
  EXPECT_THAT(error_, HasSubstr("half"));
  EXPECT_THAT(content("s.t"), ElementsAre("(3,1)"));
}

TEST_F(LiveRunTest, ACheckThatCameSinceIsAConflictOfTheRowsThatViolateIt) {
  sql("CREATE TABLE s.t (id int PRIMARY KEY, v int CHECK (v < 1000), w text, twice int GENERATED"
      " ALWAYS AS (v * 2) STORED)");
  sql("INSERT INTO s.t SELECT g, g, CASE WHEN g <> 3 THEN 'w' END FROM generate_series(1, 8) g");
  sql("INSERT INTO s.t VALUES (9, NULL, 'w')");
  mistake({"DELETE FROM s.t WHERE id IN (1, 2, 3, 9)", "UPDATE s.t SET v = 900 WHERE id > 3",
           "INSERT INTO s.t VALUES (20, 2, 'w')"});
  sql("ALTER TABLE s.t ADD CONSTRAINT \"not '5'\" CHECK (v NOT IN (1, 5)), ALTER w SET NOT NULL,"
      " ADD since int DEFAULT 1, ADD CONSTRAINT on_new CHECK (since > 0),"
      " ADD CONSTRAINT whole CHECK (t.* IS NOT NULL OR true)");
  prepare({"s.t"});
  undo();
  EXPECT_THAT(error_, HasSubstr("3 of the rows"));
  EXPECT_THAT(preview_.tables[0].listed,
              ElementsAre(Conflict{"insert", "violates check not '5' added since", "id=1"},
                          Conflict{"insert", "violates check w NOT NULL added since", "id=3"},
                          Conflict{"update", "violates check not '5' added since", "id=5"}));
  for (const OnConflict mode : {OnConflict::kSkip, OnConflict::kOverwrite}) {
    undo(mode);
    EXPECT_EQ(error_, "");
    EXPECT_THAT(content("s.t"),
                ElementsAre("(2,2,w,4,1)", "(4,4,w,8,1)", "(5,900,w,1800,1)", "(6,6,w,12,1)",
                            "(7,7,w,14,1)", "(8,8,w,16,1)", "(9,,w,,1)"));
  }
}

TEST_F(LiveRunTest, ADomainsConstraintThatCameSinceIsExplained) {
  sql("CREATE DOMAIN s.positive AS int");
  sql("CREATE TABLE s.t (id int PRIMARY KEY, v s.positive)");
  sql("INSERT INTO s.t VALUES (1, -1), (2, 2)");
  mistake({"DELETE FROM s.t"});
  sql("ALTER DOMAIN s.positive ADD CONSTRAINT above CHECK (VALUE > 0)");
  prepare({"s.t"});
  auto live = cluster_->connect();
  const Result<LiveOutcome> preview = LiveRun(*live, *script_, *spool_).preview();
  ASSERT_FALSE(preview.ok());
  EXPECT_THAT(preview.error().message, HasSubstr("a row of s.t cannot come back: "));
  EXPECT_THAT(preview.error().message, HasSubstr("\"above\""));
  EXPECT_THAT(preview.error().hint, HasSubstr("came since"));
}

TEST_F(LiveRunTest, WhatARuleOrATriggerSwallowsIsNotCalledDone) {
  sql("CREATE TABLE s.t (id int PRIMARY KEY, v int)");
  sql("INSERT INTO s.t SELECT g, g FROM generate_series(1, 9) g");
  mistake({"DELETE FROM s.t WHERE id < 4", "INSERT INTO s.t VALUES (50, 1)",
           "UPDATE s.t SET v = 0 WHERE id = 9"});
  const std::vector<std::string> left = content("s.t");
  sql("CREATE RULE swallow AS ON INSERT TO s.t DO INSTEAD NOTHING");
  sql("ALTER TABLE s.t ENABLE ALWAYS RULE swallow");
  undone({"s.t"});
  EXPECT_THAT(error_, HasSubstr("a rule or a trigger of the table is in the way"));
  EXPECT_EQ(content("s.t"), left);
  EXPECT_THAT(preview_.tables[0].fires, ElementsAre("rule swallow (ENABLE ALWAYS) on INSERT"));
  sql("DROP RULE swallow ON s.t");
  sql("CREATE FUNCTION s.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'");
  for (const char* event : {"INSERT", "UPDATE", "DELETE"}) {
    sql(
        fmt::format("CREATE TRIGGER nothing BEFORE {} ON s.t FOR EACH ROW EXECUTE FUNCTION"
                    " s.nothing()",
                    event));
    sql("ALTER TABLE s.t ENABLE REPLICA TRIGGER nothing");
    undo();
    EXPECT_THAT(error_, HasSubstr("in the way")) << event;
    EXPECT_EQ(content("s.t"), left);
    sql("DROP TRIGGER nothing ON s.t");
  }
  undo();
  EXPECT_EQ(error_, "");
}

TEST_F(LiveRunTest, WhatFiresAllTheSameIsSaidAsItWillBe) {
  sql("CREATE TABLE s.audit (what text)");
  sql("CREATE TABLE s.t (id int PRIMARY KEY, v int, w int)");
  sql("CREATE TABLE s.quiet (id int PRIMARY KEY)");
  sql("INSERT INTO s.t SELECT g, g, g FROM generate_series(1, 9) g");
  sql("INSERT INTO s.quiet VALUES (1)");
  mistake(
      {"DELETE FROM s.t WHERE id < 4", "UPDATE s.t SET v = 0 WHERE id = 9", "DELETE FROM s.quiet"});
  sql("ALTER TABLE s.t ADD since int");
  sql("CREATE FUNCTION s.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
      " INSERT INTO s.audit VALUES (TG_NAME || ' ' || TG_OP); RETURN NULL; END $$");
  const auto make = [&](std::string_view name, std::string_view when, std::string_view each,
                        std::string_view enable) {
    sql(fmt::format("CREATE TRIGGER {} AFTER {} ON s.t FOR EACH {} EXECUTE FUNCTION s.note()", name,
                    when, each));
    sql(fmt::format("ALTER TABLE s.t ENABLE {} TRIGGER {}", enable, name));
  };
  make("a_row", "INSERT OR DELETE", "ROW", "ALWAYS");
  make("b_statement", "INSERT OR UPDATE OR DELETE", "STATEMENT", "REPLICA");
  make("c_other_column", "UPDATE OF since", "ROW", "ALWAYS");
  make("d_column", "UPDATE OF w", "ROW WHEN (NEW.id > 5)", "ALWAYS");
  make("e_ordinary", "INSERT OR UPDATE OR DELETE", "ROW", "");
  make("f_deletes", "DELETE", "STATEMENT", "ALWAYS");
  make("\"g\nx\"", "TRUNCATE", "STATEMENT", "ALWAYS");
  const LiveOutcome done = undone({"s.t", "s.quiet"});
  ASSERT_EQ(error_, "");
  EXPECT_THAT(preview_.tables[0].fires,
              ElementsAre("trigger a_row (ENABLE ALWAYS) on INSERT",
                          "trigger b_statement (ENABLE REPLICA) on INSERT and UPDATE",
                          "trigger d_column (ENABLE ALWAYS) on UPDATE, where its condition holds"));
  EXPECT_EQ(done.tables, preview_.tables);
  EXPECT_THAT(done.tables[1].fires, IsEmpty());
  EXPECT_THAT(content("s.audit"), ElementsAre("(\"a_row INSERT\")", "(\"a_row INSERT\")",
                                              "(\"a_row INSERT\")", "(\"b_statement INSERT\")",
                                              "(\"b_statement UPDATE\")", "(\"d_column UPDATE\")"));
  const std::string says = fmt::format("{}", fmt::join(script_->settings(), ""));
  EXPECT_THAT(says, HasSubstr("These fire all the same"));
  EXPECT_THAT(says, HasSubstr("--   s.t: trigger a_row (ENABLE ALWAYS) on INSERT and DELETE\n"));
  EXPECT_THAT(says, HasSubstr("--   s.t: trigger f_deletes (ENABLE ALWAYS) on DELETE\n"));
  EXPECT_EQ(says.find("c_other_column"), std::string::npos);
  EXPECT_EQ(says.find("e_ordinary"), std::string::npos);
}

TEST_F(LiveRunTest, AnIndexThatIsNotValidTellsNoRow) {
  sql("CREATE TABLE s.t (k int NOT NULL, v text)");
  sql("INSERT INTO s.t VALUES (1, 'a'), (1, 'b')");
  mistake({"UPDATE s.t SET v = 'mistake' WHERE v = 'b'"});
  EXPECT_FALSE(session_->query("CREATE UNIQUE INDEX CONCURRENTLY t_k ON s.t (k)").ok());
  undone({"s.t"}, OnConflict::kOverwrite);
  EXPECT_EQ(error_, "");
  EXPECT_THAT(content("s.t"), ElementsAre("(1,a)", "(1,b)"));
}

TEST_F(LiveRunTest, NamesThatLookLikeTheEndOfABlockAreNames) {
  const std::string table = "s.\"t$undo$; DROP TABLE s.other; $undo$\nDROP TABLE s.other; --\"";
  sql("CREATE TABLE s.other (id int)");
  sql("CREATE TABLE " + table + " (id int PRIMARY KEY, v int)");
  sql("INSERT INTO " + table + " SELECT g, g FROM generate_series(1, 5) g");
  const std::vector<std::string> before = content(table);
  mistake({"DELETE FROM " + table + " WHERE id > 2"});
  undone({table});
  EXPECT_EQ(error_, "");
  EXPECT_EQ(content(table), before);
  sql("SELECT FROM s.other");
}

TEST_F(LiveRunTest, SettingsOfTheDatabaseChangeNoValue) {
  sql("CREATE TABLE s.t (id int PRIMARY KEY, a text[], x xml)");
  sql("INSERT INTO s.t VALUES (1, ARRAY['a', NULL], 'text <b/>')");
  mistake({"DELETE FROM s.t"});
  sql("ALTER DATABASE postgres SET array_nulls = off");
  sql("ALTER DATABASE postgres SET xmloption = document");
  undone({"s.t"});
  sql("ALTER DATABASE postgres RESET array_nulls");
  sql("ALTER DATABASE postgres RESET xmloption");
  EXPECT_EQ(error_, "");
  EXPECT_EQ(*pgconn::query_text(*session_, "SELECT count(*) FROM s.t WHERE a[2] IS NULL"), "1");
}

TEST_F(LiveRunTest, ShapesSayWhichConstraintsTriggersCheck) {
  sql("CREATE TABLE s.t (id int PRIMARY KEY, k int UNIQUE DEFERRABLE)");
  const auto oid = static_cast<pg::Oid>(
      std::stoul(*pgconn::query_text(*session_, "SELECT 's.t'::regclass::oid")));
  EXPECT_THAT(read_shape(*session_, oid).value()->deferrable, ElementsAre("t_k_key"));
}

}  // namespace
}  // namespace walkback::undo
