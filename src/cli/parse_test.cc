#include "cli/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace walkback::cli {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;
using Words = std::vector<std::string>;

Invocation parsed(const Words& words, const config::Environment& environment = {}) {
  Result<Parsed> result = parse(words, environment);
  EXPECT_TRUE(result.ok()) << result.error().message;
  return result.ok() ? std::get<Invocation>(*result) : Invocation{};
}

template <typename Options>
Options options(const Words& words) {
  return std::get<Options>(parsed(words).command);
}

// "message | hint"
std::string wrong(const Words& words) {
  Result<Parsed> result = parse(words, {});
  if (result.ok()) return "nothing";
  EXPECT_EQ(result.error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(result.error().message.find('\n'), std::string::npos);
  return result.error().message + " | " + result.error().hint;
}

std::string answer(const Words& words) {
  Result<Parsed> result = parse(words, {});
  return result.ok() ? std::get<Answer>(*result).text : result.error().message;
}

TEST(Parse, GlobalOptionsStandBeforeOrAfterTheCommand) {
  for (const Words& words : {Words{"--json", "--cluster", "c", "--config", "/x", "list"},
                             Words{"list", "--config=/x", "--json", "--cluster=c"}}) {
    GlobalOptions global = parsed(words).global;
    EXPECT_TRUE(global.json);
    EXPECT_EQ(global.cluster, "c");
    EXPECT_EQ(global.config_path, "/x");
    EXPECT_FALSE(global.quiet || global.verbose);
  }
}

TEST(Parse, TheConfigurationIsTheOptionElseTheVariableElseTheDefault) {
  config::Environment environment{{"WALKBACK_CONFIG", "/from/variable"}};
  EXPECT_EQ(parsed({"--config", "/x", "list"}, environment).global.config_path, "/x");
  EXPECT_EQ(parsed({"list"}, environment).global.config_path, "/from/variable");
  EXPECT_EQ(parsed({"list"}).global.config_path, "/etc/walkback/walkback.toml");
}

TEST(Parse, Init) {
  auto init = options<InitOptions>({"init", "--pgdata", "/pg", "--repository", "file:///r",
                                    "--encryption", "none", "--conninfo", "port=5433",
                                    "--archive-timeout", "30", "--new-lineage", "--apply"});
  EXPECT_EQ(init.pgdata, "/pg");
  EXPECT_EQ(init.repository, "file:///r");
  EXPECT_EQ(init.encryption, "none");
  EXPECT_EQ(init.conninfo, "port=5433");
  EXPECT_EQ(init.archive_timeout_s, 30);
  EXPECT_TRUE(init.new_lineage);
  EXPECT_TRUE(init.apply);
}

TEST(Parse, InitKeepsApartWhatWasNotSaid) {
  auto init = options<InitOptions>({"init"});
  EXPECT_EQ(init.encryption, std::nullopt);
  EXPECT_EQ(init.pgdata, std::nullopt);
  EXPECT_EQ(init.archive_timeout_s, std::nullopt);
  EXPECT_FALSE(init.apply || init.new_lineage || init.new_repository);
}

TEST(Parse, InitShowsAnExample) {
  EXPECT_THAT(answer({"init", "--help"}), HasSubstr("sudo -u postgres walkback init --pgdata"));
  EXPECT_TRUE(options<InitOptions>({"init", "--new-repository"}).new_repository);
}

TEST(Parse, WhatTheShellTookApartIsToBeQuoted) {
  EXPECT_EQ(wrong({"plan", "--to", "10", "minutes", "ago", "--json"}),
            "unexpected argument \"minutes\" | quote it: --to \"10 minutes ago\"");
  EXPECT_THAT(wrong({"backup", "--label", "before", "upgrade"}),
              HasSubstr("quote it: --label \"before upgrade\""));
  EXPECT_THAT(wrong({"backup", "now"}), HasSubstr("says what it takes"));
  EXPECT_EQ(wrong({"init", "--conninfo", "host=x", "password=hunter2"}),
            "unexpected argument \"…\" | quote it: --conninfo \"…\"");
}

TEST(Parse, AnOptionInFrontOfItsCommandIsToldWhereItStands) {
  EXPECT_EQ(wrong({"--no-proof", "check"}),
            "--no-proof is an option of \"check\" | it stands behind that word: walkback check "
            "--no-proof");
}

TEST(Parse, AnOptionWithoutItsValueSaysSo) {
  EXPECT_THAT(wrong({"plan", "--to", "--config", "/x"}), StartsWith("--to needs a value | "));
  EXPECT_THAT(wrong({"recover", "--latest", "--into"}), StartsWith("--into needs a value | "));
}

TEST(Parse, WhatWasTypedIsKept) {
  EXPECT_EQ(parsed({"list", "--json"}).global.typed, (Words{"list", "--json"}));
}

TEST(Parse, WalCommandsTakeWhatPostgresqlGives) {
  EXPECT_EQ(options<WalPushOptions>({"wal-push", "pg_wal/00000001"}).path, "pg_wal/00000001");
  auto get = options<WalGetOptions>({"wal-get", "00000002.history", "pg_wal/RECOVERYHISTORY"});
  EXPECT_EQ(get.name, "00000002.history");
  EXPECT_EQ(get.path, "pg_wal/RECOVERYHISTORY");
  EXPECT_EQ(get.reserved_timeline, std::nullopt);
}

TEST(Parse, ACopysRestoreCommandNamesItsTimeline) {
  auto get = options<WalGetOptions>(
      {"--config", "/x", "--cluster", "c", "wal-get", "--reserved-timeline", "7", "f", "p"});
  EXPECT_EQ(get.reserved_timeline, 7u);
  EXPECT_EQ(get.name, "f");
}

TEST(Parse, Backup) {
  EXPECT_EQ(options<BackupOptions>({"backup", "--full", "--label", "before upgrade"}).label,
            "before upgrade");
}

TEST(Parse, EveryTarget) {
  EXPECT_EQ(options<PlanOptions>({"plan", "--to", "10 minutes ago"}).target.to, "10 minutes ago");
  EXPECT_EQ(options<PlanOptions>({"plan", "--xid", "748"}).target.xid, "748");
  EXPECT_EQ(options<PlanOptions>({"plan", "--before-xid", "748"}).target.before_xid, "748");
  EXPECT_EQ(options<PlanOptions>({"plan", "--lsn", "A/FE"}).target.lsn, "A/FE");
  EXPECT_EQ(options<PlanOptions>({"plan", "--name", "x"}).target.name, "x");
  EXPECT_TRUE(options<PlanOptions>({"plan", "--latest"}).target.latest);
  auto immediate = options<PlanOptions>({"plan", "--immediate", "--timeline", "3"}).target;
  EXPECT_TRUE(immediate.immediate);
  EXPECT_EQ(immediate.timeline->value, 3u);
}

TEST(Parse, Recover) {
  auto recover =
      options<RecoverOptions>({"recover", "--before-xid", "748", "--into", "/srv/pg-1547", "--port",
                               "5433", "--action", "pause", "--tablespace", "/a=/b", "--tablespace",
                               "/c=/d", "--delta", "--no-start", "--dry-run"});
  EXPECT_EQ(recover.into, "/srv/pg-1547");
  EXPECT_EQ(recover.port, 5433);
  EXPECT_EQ(recover.action, restore::RecoveryAction::kPause);
  ASSERT_EQ(recover.tablespaces.size(), 2u);
  EXPECT_EQ(recover.tablespaces[1].from, "/c");
  EXPECT_EQ(recover.tablespaces[1].to, "/d");
  EXPECT_FALSE(recover.start);
  EXPECT_TRUE(recover.dry_run);
  EXPECT_TRUE(recover.delta);
}

TEST(Parse, RecoverStartsUnlessToldOtherwise) {
  auto recover = options<RecoverOptions>({"recover", "--latest", "--into", "x"});
  EXPECT_TRUE(recover.start);
  EXPECT_FALSE(recover.dry_run);
  EXPECT_FALSE(recover.delta);
  EXPECT_EQ(recover.port, std::nullopt);
  EXPECT_EQ(recover.action, std::nullopt);
}

TEST(Parse, AdoptListHistory) {
  EXPECT_EQ(options<AdoptOptions>({"adopt", "--pgdata", "/x"}).pgdata, "/x");
  options<ListOptions>({"list"});
  EXPECT_EQ(options<HistoryOptions>({"history"}).into, "");
  EXPECT_EQ(options<HistoryOptions>({"history", "--into", "postgres:///x"}).into, "postgres:///x");
  EXPECT_THAT(wrong({"history", "--into", ""}), StartsWith("--into is empty"));
  EXPECT_THAT(wrong({"history", "--into", "postgres://u:secret@/x"}),
              testing::AllOf(StartsWith("--into holds a password"),
                             testing::Not(testing::HasSubstr("secret"))));
  EXPECT_FALSE(options<VerifyOptions>({"verify"}).deep);
  EXPECT_TRUE(options<VerifyOptions>({"verify", "--deep"}).deep);
}

TEST(Parse, Undo) {
  const auto plain = options<UndoOptions>({"undo", "--xid", "748"});
  EXPECT_EQ(plain.xid, 748u);
  EXPECT_FALSE(plain.apply || plain.into || plain.timeline);
  EXPECT_EQ(plain.on_conflict, undo::OnConflict::kFail);
  const auto undo = options<UndoOptions>({"undo", "--xid", "4294968044", "--table", "a", "--table",
                                          "s.b", "--apply", "--on-conflict", "skip", "--output",
                                          "x.sql", "--into", "/srv/u"});
  EXPECT_EQ(undo.xid, 4294968044u);
  EXPECT_THAT(undo.tables, ElementsAre("a", "s.b"));
  EXPECT_TRUE(undo.apply);
  EXPECT_EQ(undo.on_conflict, undo::OnConflict::kSkip);
  EXPECT_EQ(undo.output, "x.sql");
  EXPECT_EQ(undo.into, "/srv/u");
  EXPECT_FALSE(plain.keep);
  EXPECT_TRUE(options<UndoOptions>({"undo", "--xid", "748", "--keep"}).keep);
  const auto as = options<UndoOptions>({"undo", "--xid", "748", "--as", "old.\"Pay ments\""}).as;
  EXPECT_EQ(as, (find::SchemaAndName{"old", "Pay ments"}));
  EXPECT_EQ(options<UndoOptions>({"undo", "--xid", "748", "--as", "Payments"}).as->name,
            "payments");
  EXPECT_THAT(wrong({"undo", "--xid", "7", "--as", "a.b.c"}), StartsWith("--as \"a.b.c\""));
  EXPECT_THAT(wrong({"undo", "--xid", "7", "--as", ""}), StartsWith("--as \"\""));
  EXPECT_THAT(wrong({"undo"}), StartsWith("--xid is missing"));
  EXPECT_THAT(wrong({"undo", "--xid", "0"}), StartsWith("--xid is \"0\""));
  EXPECT_THAT(wrong({"undo", "--xid", "7", "--apply", "--on-conflict", "maybe"}),
              StartsWith("--on-conflict is \"maybe\""));
  EXPECT_THAT(wrong({"undo", "--xid", "7", "--on-conflict", "skip"}),
              StartsWith("--on-conflict without"));
  EXPECT_THAT(wrong({"undo", "--xid", "7", "--into", ""}), StartsWith("--into is empty"));
  EXPECT_THAT(wrong({"undo", "--xid", "7", "--output", ""}), StartsWith("--output is empty"));
  const auto csv = options<UndoOptions>({"undo", "--xid", "7", "--output", "d", "--format", "csv"});
  EXPECT_EQ(csv.format, undo::RowFormat::kCsv);
  EXPECT_THAT(wrong({"undo", "--xid", "7", "--output", "d", "--format", "xml"}),
              StartsWith("--format is \"xml\""));
  EXPECT_THAT(wrong({"undo", "--xid", "7", "--format", "csv"}), StartsWith("--format without"));
  EXPECT_THAT(
      wrong({"undo", "--xid", "7", "--output", "d", "--format", "csv", "--on-conflict", "skip"}),
      StartsWith("--on-conflict without"));
}

TEST(Parse, RescueTakesATableAndATarget) {
  const auto plain = options<RescueOptions>({"rescue", "--table", "Payments", "--latest"});
  EXPECT_THAT(plain.table, ElementsAre("payments"));
  EXPECT_TRUE(plain.target.latest);
  EXPECT_EQ(plain.on_conflict, undo::OnConflict::kSkip);
  const auto all = options<RescueOptions>({"rescue", "--table", "shop.public.\"Pay ments\"",
                                           "--before-xid", "748", "--where", "id > 5", "--output",
                                           "x.sql", "--on-conflict", "overwrite", "--as", "old.p",
                                           "--into", "/srv/r", "--keep", "--timeline", "2"});
  EXPECT_THAT(all.table, ElementsAre("shop", "public", "Pay ments"));
  EXPECT_EQ(all.target.before_xid, "748");
  EXPECT_EQ(all.target.timeline->value, 2u);
  EXPECT_EQ(all.where, "id > 5");
  EXPECT_EQ(all.on_conflict, undo::OnConflict::kOverwrite);
  EXPECT_EQ(all.as->name, "p");
  EXPECT_EQ(all.into, "/srv/r");
  EXPECT_TRUE(all.keep);
  EXPECT_THAT(wrong({"rescue", "--latest"}), StartsWith("--table is missing"));
  EXPECT_THAT(wrong({"rescue", "--table", "t"}), StartsWith("no target"));
  EXPECT_THAT(wrong({"rescue", "--table", "a.b.c.d", "--latest"}), HasSubstr("three parts"));
  EXPECT_THAT(wrong({"rescue", "--table", "t", "--latest", "--to", "15:46"}),
              HasSubstr("two targets"));
  EXPECT_THAT(wrong({"rescue", "--table", "t", "--latest", "--where", ""}),
              StartsWith("--where is empty"));
  EXPECT_THAT(wrong({"rescue", "--table", "t", "--latest", "--as", "u"}),
              StartsWith("--as without"));
  EXPECT_THAT(
      wrong({"rescue", "--table", "t", "--latest", "--output", "x", "--on-conflict", "fail"}),
      StartsWith("--on-conflict is \"fail\""));
  EXPECT_THAT(wrong({"rescue", "--table", "t", "--latest", "--output", "x", "--format", "json",
                     "--on-conflict", "skip"}),
              StartsWith("--on-conflict without"));
}

TEST(Parse, Drill) {
  const auto plain = options<DrillOptions>({"drill"});
  EXPECT_TRUE(plain.target.latest);
  EXPECT_FALSE(plain.random || plain.keep || plain.into || plain.seed);
  const auto drill =
      options<DrillOptions>({"drill", "--to", "15:46", "--into", "/srv/d", "--check", "SELECT true",
                             "--check", "SELECT 1 = 1", "--database", "shop", "--keep"});
  EXPECT_EQ(drill.target.to, "15:46");
  EXPECT_FALSE(drill.target.latest);
  EXPECT_EQ(drill.into, "/srv/d");
  EXPECT_THAT(drill.checks, ElementsAre("SELECT true", "SELECT 1 = 1"));
  EXPECT_EQ(drill.database, "shop");
  EXPECT_TRUE(drill.keep);
  const auto random = options<DrillOptions>({"drill", "--random", "--seed", "7"});
  EXPECT_TRUE(random.random);
  EXPECT_EQ(random.seed, 7u);
  EXPECT_EQ(options<DrillOptions>({"drill", "--timeline", "3"}).target.timeline->value, 3u);
  EXPECT_THAT(wrong({"drill", "--random", "--xid", "7"}), HasSubstr("two targets"));
  EXPECT_THAT(wrong({"drill", "--random", "--timeline", "2"}), HasSubstr("--timeline with"));
  EXPECT_THAT(wrong({"drill", "--seed", "7"}), StartsWith("--seed without --random"));
  EXPECT_THAT(wrong({"drill", "--random", "--seed", "x"}), StartsWith("--seed is \"x\""));
  EXPECT_THAT(wrong({"drill", "--into", ""}), StartsWith("--into is empty"));
  EXPECT_THAT(wrong({"drill", "--database", "shop"}), StartsWith("--database without --check"));
  EXPECT_THAT(wrong({"drill", "--latest", "--immediate"}), HasSubstr("two targets"));
}

TEST(Parse, Find) {
  const auto all = options<FindOptions>({"find", "--since", "10 minutes ago", "--until", "15:46",
                                         "--table", "shop.public.payments", "--kind", "truncate",
                                         "--min-rows", "1000", "--limit", "3", "--timeline", "2"});
  EXPECT_EQ(all.since, "10 minutes ago");
  EXPECT_EQ(all.until, "15:46");
  EXPECT_EQ(all.table, "shop.public.payments");
  EXPECT_EQ(all.kind, find::Kind::kTruncate);
  EXPECT_EQ(all.min_rows, 1000u);
  EXPECT_EQ(all.limit, 3u);
  EXPECT_EQ(all.timeline, pg::TimelineId{2});
  const auto none = options<FindOptions>({"find"});
  EXPECT_EQ(none.since, std::nullopt);
  EXPECT_EQ(none.kind, std::nullopt);
  EXPECT_EQ(none.limit, 10u);
  EXPECT_EQ(
      wrong({"find", "--kind", "mischief"}),
      "--kind is \"mischief\", which is none | one of delete, update, insert, truncate, drop; "
      "ALTER TABLE that rewrites all rows is an update");
  EXPECT_THAT(wrong({"find", "--limit", "0"}), StartsWith("--limit is \"0\""));
}

TEST(Parse, Index) {
  EXPECT_FALSE(options<IndexOptions>({"index"}).rebuild);
  EXPECT_TRUE(options<IndexOptions>({"index", "--rebuild", "--all"}).all);
  EXPECT_THAT(wrong({"index", "--all"}), StartsWith("--all without --rebuild"));
}

TEST(Parse, KeyCommandsStandBelowKey) {
  EXPECT_EQ(options<KeyGenerateOptions>({"key", "generate", "--output", "/k"}).output, "/k");
  options<KeyListOptions>({"key", "list", "--json"});
  EXPECT_TRUE(parsed({"key", "--json", "list"}).global.json);
  EXPECT_TRUE(parsed({"key", "list", "--json"}).global.json);
  auto add = options<KeyAddOptions>({"key", "add", "gpg:ABCD", "--label", "Ada"});
  EXPECT_EQ(add.recipient, "gpg:ABCD");
  EXPECT_EQ(add.label, "Ada");
  auto rotate = options<KeyRotateOptions>({"key", "rotate", "--output", "/k", "--retire", "age1"});
  EXPECT_EQ(rotate.output, "/k");
  EXPECT_EQ(rotate.retire, "age1");
  EXPECT_FALSE(rotate.host);
  EXPECT_TRUE(options<KeyRotateOptions>({"key", "rotate", "--host"}).host);
}

TEST(Parse, KeyCommandsSayWhatIsMissing) {
  EXPECT_THAT(wrong({"key"}), StartsWith("no command after \"key\" | one of generate, list"));
  EXPECT_EQ(wrong({"key", "ad"}), "unknown command \"key ad\" | did you mean `walkback key add`?");
  EXPECT_THAT(wrong({"key", "generate"}), StartsWith("--output is missing"));
  EXPECT_THAT(wrong({"key", "add"}), HasSubstr("RECIPIENT"));
  EXPECT_THAT(wrong({"key", "add", "a", "b"}), StartsWith("unexpected argument \"b\""));
  EXPECT_THAT(wrong({"key", "rotate"}), HasSubstr("--output FILE makes one"));
  EXPECT_THAT(wrong({"key", "rotate", "--recipient", "a", "--output", "/b"}), HasSubstr("twice"));
  EXPECT_THAT(wrong({"key", "rotate", "--host", "--recipient", "a"}),
              StartsWith("--host replaces"));
  EXPECT_THAT(wrong({"key", "rotate", "--hots"}), HasSubstr("did you mean --host?"));
  EXPECT_THAT(answer({"key", "--help"}), HasSubstr("rotate"));
  EXPECT_THAT(answer({"key", "add", "--help"}), HasSubstr("walkback key add"));
}

TEST(Parse, ExactlyOneTarget) {
  EXPECT_THAT(wrong({"plan"}),
              StartsWith("no target: which moment to recover to | give one of --to"));
  EXPECT_THAT(wrong({"plan", "--latest", "--xid", "7"}), StartsWith("--xid and --latest are two"));
  EXPECT_THAT(wrong({"recover", "--into", "/x"}), StartsWith("no target"));
}

TEST(Parse, WhatIsMissingIsNamed) {
  EXPECT_THAT(wrong({}), StartsWith("no command | one of init, check, wal-push"));
  EXPECT_THAT(wrong({"recover", "--latest"}), StartsWith("--into is missing"));
  EXPECT_THAT(wrong({"adopt"}), StartsWith("--pgdata is missing"));
  EXPECT_THAT(wrong({"wal-push"}), HasSubstr("PATH"));
  EXPECT_THAT(wrong({"wal-get", "x"}), HasSubstr("PATH"));
  EXPECT_THAT(wrong({"plan", "--to"}), HasSubstr("--to"));
}

TEST(Parse, FindSaysWhatIsWrong) {
  EXPECT_THAT(wrong({"find", "--table", ""}), StartsWith("--table is empty"));
  EXPECT_THAT(wrong({"find", "--kind", "alter"}),
              AllOf(StartsWith("--kind is \"alter\", which is none"), HasSubstr("is an update")));
  EXPECT_THAT(wrong({"find", "--min-rows", "1,000"}), HasSubstr("which is no such number"));
  EXPECT_THAT(wrong({"find", "--order", "big"}), HasSubstr("one of size, time"));
  EXPECT_THAT(wrong({"find", "--since", "1:00", "--since", "2:00"}),
              StartsWith("--since is given twice"));
  EXPECT_THAT(wrong({"find", "--since"}), StartsWith("--since needs a value"));
}

TEST(Parse, MistypedWordsGetTheNearest) {
  EXPECT_EQ(wrong({"recovr", "--latest"}),
            "unknown command \"recovr\" | did you mean `walkback recover`?");
  EXPECT_EQ(wrong({"recover", "--latst"}), "unknown option --latst | did you mean --latest?");
  EXPECT_EQ(wrong({"list", "--jsn"}), "unknown option --jsn | did you mean --json?");
  for (const auto& [words, near] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"plan", "--before", "1113"}, "--before-xid"},
           {{"find", "--before", "15:00"}, "--until"},
           {{"find", "--from", "15:00"}, "--since"},
           {{"recover", "--in", "/d"}, "--into"},
           {{"recover", "--target", "/d"}, "--into"},
           {{"plan", "--time", "3"}, "--to"}}) {
    EXPECT_THAT(wrong(words), EndsWith("| did you mean " + near + "?")) << words[1];
  }
  EXPECT_THAT(wrong({"restore", "--latest"}), EndsWith("did you mean `walkback recover`?"));
  EXPECT_THAT(wrong({"list", "--zoom"}), EndsWith("lists the options"));
  EXPECT_EQ(wrong({"plan", "--befor-xid=7"}),
            "unknown option --befor-xid | did you mean --before-xid?");
  EXPECT_THAT(wrong({"list", "all"}), StartsWith("unexpected argument \"all\""));
  EXPECT_EQ(wrong({"find", "public.Payments"}),
            "unexpected argument \"public.Payments\" | did you mean --table public.Payments?");
  EXPECT_EQ(wrong({"undo", "2288"}), "unexpected argument \"2288\" | did you mean --xid 2288?");
  EXPECT_THAT(wrong({"--zzzzzzzzzzzzz", "list"}), StartsWith("unknown option --zzzzzzzzzzzzz"));
}

TEST(Parse, Status) {
  EXPECT_FALSE(options<StatusOptions>({"status"}).alert);
  EXPECT_TRUE(options<StatusOptions>({"status", "--alert"}).alert);
  EXPECT_TRUE(options<StatusOptions>({"status", "--test-alert"}).test_alert);
  EXPECT_THAT(wrong({"status", "--alert", "--test-alert"}), HasSubstr("exclude each other"));
  EXPECT_THAT(wrong({"status", "now"}), StartsWith("unexpected argument"));
}

TEST(Parse, Metrics) {
  EXPECT_FALSE(options<AgentOptions>({"agent"}).once);
  EXPECT_TRUE(options<AgentOptions>({"agent", "--once"}).once);
  EXPECT_FALSE(options<MetricsOptions>({"metrics"}).textfile);
  EXPECT_EQ(options<MetricsOptions>({"metrics", "--textfile", "/d"}).textfile, "/d");
  EXPECT_THAT(wrong({"metrics", "--textfile", ""}), StartsWith("--textfile is empty"));
  EXPECT_EQ(options<MetricsOptions>({"metrics", "--listen", "[::1]:1"}).listen, "[::1]:1");
  EXPECT_THAT(wrong({"metrics", "--listen", "[::1]:1", "--textfile", "/d"}), HasSubstr("exclude"));
  EXPECT_THAT(wrong({"metrics", "--json"}), HasSubstr("status --json"));
}

TEST(Parse, WrongValuesSayWhatIsExpected) {
  EXPECT_EQ(wrong({"recover", "--latest", "--into", "/x", "--port", "0"}),
            "--port is \"0\", which is no such number | expected a number from 1 to 65535");
  EXPECT_THAT(wrong({"recover", "--latest", "--into", "/x", "--port", "54a"}),
              StartsWith("--port is"));
  EXPECT_THAT(wrong({"plan", "--latest", "--timeline", "-1"}), StartsWith("--timeline"));
  EXPECT_THAT(wrong({"plan", "--latest", "--timeline", "4294967296"}), StartsWith("--timeline is"));
  EXPECT_THAT(wrong({"init", "--archive-timeout", "0"}), StartsWith("--archive-timeout is"));
  EXPECT_EQ(wrong({"recover", "--latest", "--into", "/x", "--action", "stop"}),
            "--action is \"stop\" | one of promote, pause, shutdown");
  for (const char* mapping : {"/a", "=/b", "/a=", "a=/b", "/a=b"}) {
    EXPECT_THAT(wrong({"recover", "--latest", "--into", "/x", "--tablespace", mapping}),
                HasSubstr("OLD=NEW"))
        << mapping;
  }
  EXPECT_THAT(wrong({"--quiet", "--verbose", "list"}), HasSubstr("exclude each other"));
}

TEST(Parse, HelpAndVersionAreAnswers) {
  EXPECT_THAT(answer({"--version"}), StartsWith("walkback "));
  EXPECT_THAT(answer({"--help"}), HasSubstr("recover"));
  EXPECT_THAT(answer({"recover", "--help"}), HasSubstr("--before-xid"));
  EXPECT_THAT(answer({"recover", "-h"}), HasSubstr("walkback recover"));
}

}  // namespace
}  // namespace walkback::cli
