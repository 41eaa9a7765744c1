#include "cli/find_text.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "cli/testing/golden.h"
#include "cli/testing/samples.h"

namespace walkback::cli {
namespace {

using find::FileFate;
using find::FindReport;
using find::FoundTable;
using find::FoundWork;
using find::Outcome;
using testing::HasSubstr;
using testing::Not;

class FindText : public testing::Test {
 protected:
  FindText() {
    setenv("TZ", "Europe/Berlin", 1);
    tzset();
  }
  ~FindText() override {
    unsetenv("TZ");
    tzset();
  }
  static find::RelationName name(std::string schema, std::string table) {
    find::RelationName name;
    name.database = "shop";
    name.schema = std::move(schema);
    name.name = std::move(table);
    name.kind = 'r';
    return name;
  }
  static FoundWork work(uint64_t xid, Outcome outcome, FoundTable table) {
    FoundWork work;
    work.transaction.xid = xid;
    work.transaction.outcome = outcome;
    if (outcome == Outcome::kCommitted || outcome == Outcome::kRolledBack) {
      work.transaction.ended_at = at("15:46:59");
      work.transaction.lsn = {0x5A3F2C8};
    }
    work.transaction.began_at = at("15:46:58");
    work.tables = {std::move(table)};
    return work;
  }
  static FindReport sample() {
    FindReport report;
    report.timeline = {1};
    report.since = at("15:00:00");
    report.until = at("16:00:00");
    report.first = at("15:00:12");
    report.last = at("15:59:58");
    report.found = {
        work(748, Outcome::kCommitted,
             {{1663, 5, 16384}, name("public", "payments"), {.deleted = 200'000}}),
        work(749, Outcome::kCommitted,
             {{1663, 5, 16390},
              name("public", "carts"),
              {.inserted = 7},
              FileFate::kTruncated,
              10'000}),
        work(750, Outcome::kCommitted, {{1663, 5, 16400}, {}, {}, FileFate::kDropped}),
        work(751, Outcome::kRolledBack,
             {{1663, 5, 16384}, name("public", "payments"), {.deleted = 9}}),
        work(752, Outcome::kPrepared,
             {{1663, 5, 16384}, name("public", "payments"), {.updated = 3}}),
        work(753, Outcome::kUnfinished, {{1663, 5, 16384}, name("a\nb", "c"), {.updated = 2}}),
    };
    report.found[1].transaction.began_at.reset();
    report.found[1].transaction.may_be_more = true;
    report.found[5].databases_dropped = {"warehouse"};
    report.found[4].transaction.gid = "it's";
    report.found[4].transaction.prepared_at = at("15:46:57");
    report.found.push_back(work(754, Outcome::kInterrupted,
                                {{1663, 5, 16384}, name("public", "carts"), {.updated = 2}}));
    report.found.back().transaction.interrupted_after = at("15:47:00");
    report.found.push_back(work(755, Outcome::kRolledBack,
                                {{1663, 5, 16384}, name("public", "carts"), {.updated = 64}}));
    report.found.back().transaction.savepoints_of = 740;
    report.found.back().transaction.savepoints = 64;
    report.found.push_back(
        work(756, Outcome::kCommitted,
             {{1663, 5, 16384}, name("public", "prices"), {}, FileFate::kAltered, 40'000}));
    report.found.back().tables[0].name->also = {{"public", "prices_old"}};
    report.found.back().reach = find::Reach::kBehindGap;
    report.archive_first = at("14:00:00");
    report.archive_last = report.last;
    for (const FoundWork& work : report.found) {
      if (work.transaction.outcome != Outcome::kCommitted) report.others.push_back(work);
    }
    std::erase_if(report.found, [](const FoundWork& work) {
      return work.transaction.outcome != Outcome::kCommitted;
    });
    report.more = 17;
    report.tally = {
        21, {{.inserted = 7, .deleted = 200'017}, 50'000}, 740, at("15:00:12"), at("15:59:58")};
    report.totals = {1'203'550, 12, 40'000, 20'000, 200'000};
    for (int minute = 0; minute < 60; ++minute) {
      report.histogram.add(report.since + std::chrono::minutes(minute), {.taken = 100});
    }
    report.histogram.add(at("15:46:59"), {.taken = 200'000});
    report.segments = 300;
    report.unknown = {
        {"segment 00000001000000000000000A is not in the archive", {0xA000000}, {0xB000000}}};
    report.unknown_first_records = "00000001000000000000000C";
    return report;
  }
  static std::string text(const FindReport& report, bool utf8 = false, bool timeline = false) {
    const Suggestion suggestion("walkback", "");
    FindView view{report, suggestion,
                  [](uint64_t xid) { return fmt::format("/srv/pg/before-{}", xid); }};
    view.timeline_given = timeline;
    view.utf8 = utf8;
    return find_text(view);
  }
};

TEST_F(FindText, SaysWhatWasFound) { expect_golden("find.txt", text(sample())); }
TEST_F(FindText, SaysItAsJson) { expect_golden("find.json", find_json(sample())); }

TEST_F(FindText, SaysThatNothingWas) {
  FindReport report;
  report.timeline = {1};
  report.since = at("15:00:00");
  report.until = at("16:00:00");
  EXPECT_THAT(text(report), HasSubstr("No transaction ended in this time"));
  report.last = at("15:30:00");
  EXPECT_THAT(text(report), HasSubstr("No transaction that was asked for"));
  report.table_is_known = false;
  EXPECT_THAT(text(report), testing::AllOf(HasSubstr("No table of this name is known"),
                                           Not(HasSubstr("Did you mean"))));
  report.nearest_table.emplace();
  report.nearest_table->database = "shop";
  report.nearest_table->schema = "public";
  report.nearest_table->name = "Orders";
  EXPECT_THAT(text(report), HasSubstr("Did you mean --table 'shop.public.\"Orders\"'?"));
}

TEST_F(FindText, LinesArePrintedOnlyWhereTheyWork) {
  FindReport report = sample();
  report.found.resize(1);
  EXPECT_THAT(text(report), HasSubstr("plan --before-xid 748"));
  report.found[0].reach = find::Reach::kBeforeBackups;
  EXPECT_THAT(text(report),
              testing::AllOf(HasSubstr("before the first backup"), Not(HasSubstr("--before-xid"))));
}

TEST_F(FindText, LinesToPasteSayWhatOnlyAVariableSaid) {
  const FindReport report = sample();
  const Suggestion suggestion("walkback", "sudo -u postgres ");
  FindView view{report, suggestion, [](uint64_t) { return "/srv/a b"; }};
  view.variables = "WALKBACK_ENCRYPTION_IDENTITY_FILE=/k ";
  EXPECT_THAT(find_text(view),
              HasSubstr("sudo -u postgres env WALKBACK_ENCRYPTION_IDENTITY_FILE=/k walkback "
                        "recover --before-xid 748 --into '/srv/a b'\n"));
  view.key_missing = true;
  EXPECT_THAT(find_text(view), HasSubstr("no owner's private key is here"));
}

TEST_F(FindText, SaysHowToSeeWhatIsNotArchivedYet) {
  const FindReport report = sample();
  const Suggestion suggestion("walkback", "");
  FindView view{report, suggestion, [](uint64_t) { return ""; }};
  view.switch_command = "psql -c 'SELECT pg_switch_wal()'";
  EXPECT_THAT(find_text(view), Not(HasSubstr("pg_switch_wal")));
  view.reaches_now = true;
  view.now = *report.archive_last + std::chrono::seconds(15);
  view.archiver = LiveArchiver{};
  view.archiver->written = report.archive_end + 1000;
  const std::string said =
      "\n\nnot archived yet: everything after 2026-11-22 16:59:58 CET (15 s ago); this archives "
      "it, "
      "then repeat:\n    psql -c 'SELECT pg_switch_wal()'\n\n";
  EXPECT_THAT(find_text(view), HasSubstr(said));
  EXPECT_LT(find_text(view).find(said), find_text(view).find("transaction 748"));
  view.archiver->written = report.archive_end;
  EXPECT_THAT(find_text(view), Not(HasSubstr("not archived yet")));
  view.archiver.reset();
  EXPECT_THAT(find_text(view), HasSubstr("(15 s ago); SELECT pg_switch_wal() on the primary"));
  view.server_answers = false;
  EXPECT_THAT(find_text(view), HasSubstr("(15 s ago); no server of this cluster answers:\n"));
}

// It may have committed a second ago.
TEST_F(FindText, AnEndThatIsNotArchivedYetIsNotCalledNotCommitted) {
  const FindReport report = sample();
  const Suggestion suggestion("walkback", "");
  FindView view{report, suggestion, [](uint64_t) { return ""; }};
  view.reaches_now = true;
  view.now = *report.archive_last + std::chrono::seconds(15);
  view.archiver = LiveArchiver{};
  view.archiver->written = report.archive_end + 1000;
  const std::string said = find_text(view);
  const size_t at = said.find(
      "Not ended, as far as is archived:\n\ntransaction 753, its end is not in the archive yet; "
      "15 s of WAL are on the server, began about");
  EXPECT_NE(at, std::string::npos) << said;
  EXPECT_LT(at, said.find("Not committed:\n\ntransaction 751, rolled back"));
  view.archiver->written = report.archive_end;
  EXPECT_THAT(find_text(view), HasSubstr("transaction 753, not ended: it runs, and all that"));
}

TEST_F(FindText, KnowsWhyATransactionIsNoTarget) {
  const FindReport report = sample();
  const Error refusal =
      make_error(ErrorKind::kInvalid, "transaction 1 is not there", "from … to …");
  FoundWork early = report.found[0];
  EXPECT_FALSE(why_no_target(early, refusal));
  early.reach = find::Reach::kBeforeBackups;
  EXPECT_THAT(
      why_no_target(early, refusal)->message,
      HasSubstr("transaction 748 committed 2026-11-22 16:46:59 CET, before the first backup"));
  EXPECT_EQ(why_no_target(early, refusal)->hint, "from … to …");
  const auto prepared = why_no_target(report.others[1], refusal);
  EXPECT_THAT(prepared->message, HasSubstr("transaction 752 is prepared as 'it''s'"));
  EXPECT_THAT(prepared->hint, HasSubstr("ROLLBACK PREPARED 'it''s'"));
  EXPECT_THAT(why_no_target(report.others[2], refusal)->message,
              HasSubstr("has no end in the archive yet"));
}

TEST_F(FindText, SaysThatArchivingStandsStill) {
  const FindReport report = sample();
  const Suggestion suggestion("walkback", "");
  FindView view{report, suggestion, [](uint64_t) { return ""; }};
  view.reaches_now = true;
  view.now = *report.archive_last + std::chrono::seconds(15);
  view.archiver = LiveArchiver{.failing = true,
                               .failed_wal = "00000001000000000000000D",
                               .failed_at = at("16:00:10"),
                               .archived_at = at("15:59:59"),
                               .written = report.archive_end + 1000};
  EXPECT_THAT(find_text(view),
              testing::AllOf(HasSubstr("ARCHIVING STANDS STILL: the server's archiving fails"),
                             HasSubstr("of 00000001000000000000000D, failed at"),
                             HasSubstr("walkback check"), Not(HasSubstr("pg_switch_wal"))));
  view.archiver = LiveArchiver{.off = true};
  EXPECT_THAT(find_text(view), HasSubstr("archives nothing"));
}

TEST_F(FindText, LinesToPasteNameTheTimelineThatWasAskedFor) {
  EXPECT_THAT(text(sample()), Not(HasSubstr("--timeline")));
  EXPECT_THAT(text(sample(), false, true), HasSubstr("plan --before-xid 748 --timeline 1\n"));
}

TEST_F(FindText, NoNameActsOnATerminal) { EXPECT_THAT(text(sample()), Not(HasSubstr("a\nb"))); }

TEST_F(FindText, NamesAreWrittenAsSqlTakesThem) {
  FindReport report = sample();
  report.found[0].tables[0].name = name("public", "Pay\"ments");
  EXPECT_THAT(text(report), HasSubstr("shop.public.\"Pay\"\"ments\"  200,000 deleted"));
  EXPECT_THAT(text(report),
              HasSubstr("pg_dump -h DIR -p PORT -t 'public.\"Pay\"\"ments\"' --data-only shop"));
}

TEST_F(FindText, ATableThatWasRenamedIsNotNamedForACopyOfBefore) {
  FindReport report = sample();
  report.found[0].tables[0].name->also = {{"public", "payments_old"}};
  EXPECT_THAT(text(report), HasSubstr("`pg_dump -h DIR -p PORT -t TABLE --data-only`"));
}

TEST_F(FindText, WhatWasDoneToManyPartitionsIsOneLine) {
  FindReport report = sample();
  const auto partition = [](int number, FileFate fate, wal::RowCounts rows, int64_t gone) {
    FoundTable table{{1663, 5, static_cast<pg::Oid>(17000 + number)},
                     name("parts", fmt::format("day{}", number)),
                     rows,
                     fate,
                     gone};
    table.name->partition_of = {{"parts", "month"}, {"public", "events"}};
    return table;
  };
  report.found[0].tables = {
      partition(1, FileFate::kDropped, {}, 10),
      partition(2, FileFate::kChanged, {.deleted = 500}, -1),
      partition(3, FileFate::kChanged, {.inserted = 1, .deleted = 700}, -1),
      partition(4, FileFate::kTruncated, {}, 1000),
      partition(5, FileFate::kTruncated, {}, 2000),
      partition(6, FileFate::kRewritten, {}, -1),
      report.found[1].tables[0],
      report.found[2].tables[0],
  };
  const std::string said = text(report);
  EXPECT_THAT(said, HasSubstr("shop.parts.day1                    dropped (about 10 rows)\n"));
  EXPECT_THAT(said, HasSubstr("shop.public.events (2 partitions)  1,200 deleted, 1 inserted\n"));
  EXPECT_THAT(said, HasSubstr("shop.public.events (2 partitions)  truncated (about 3,000 rows)\n"));
  EXPECT_THAT(said, HasSubstr("  and 1 more table\n"));
}

TEST_F(FindText, UndoIsOfferedWhereItGivesSomethingBack) {
  FindReport report = sample();
  EXPECT_THAT(text(report), HasSubstr("undo --xid 748\n"));
  EXPECT_THAT(text(report), HasSubstr("undo --xid 749\n"));
  EXPECT_THAT(text(report), Not(HasSubstr("undo --xid 750")));  // dropped, and without a name
  EXPECT_THAT(text(report), Not(HasSubstr("undo --xid 756")));  // out of reach
  EXPECT_THAT(text(report, false, true), HasSubstr("undo --xid 748 --timeline 1\n"));
}

TEST_F(FindText, ARefreshIsNotSaidToHaveTheSameRows) {
  FindReport report = sample();
  report.found[0].tables[0].fate = FileFate::kRewritten;
  EXPECT_THAT(text(report), HasSubstr("rewritten with the same rows"));
  report.found[0].tables[0].name->kind = 'm';
  EXPECT_THAT(text(report), HasSubstr("refreshed or rewritten"));
}

TEST_F(FindText, RowsThatWereAddedDoNotHideThoseThatWereTaken) {
  FindReport report = sample();
  report.histogram.add(at("15:20:00"), {.added = 5'000'000});
  const std::string said = text(report);
  EXPECT_THAT(said, HasSubstr("# is 200,100 from 2026-11-22 16:46:31 CET to "));
  EXPECT_THAT(said, HasSubstr("inserted; # is 5,000,000 from"));
}

TEST(Sparkline, ShowsWhatIsNotZeroAndTheHighestAsTheHighest) {
  EXPECT_EQ(sparkline({0, 1, 500'000, 1'000'000}, true), " ▁▄█");
  EXPECT_EQ(sparkline({0, 1, 500'000, 1'000'000}, false), " .=#");
  EXPECT_EQ(sparkline({0, 0}, true), "  ");
}

}  // namespace
}  // namespace walkback::cli
