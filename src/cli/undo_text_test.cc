#include "cli/undo_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace walkback::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const Suggestion kPlain("walkback", "");

undo::UndoReport preview() {
  undo::UndoReport report;
  report.xid = 748;
  report.database = "shop";
  report.lsn = {0x5A3F2C8};
  undo::TableOutcome payments{"public.payments", 199'998, 3, 1, 12, {}};
  for (int i = 0; i < 12; ++i) {
    payments.listed.push_back({"update", "changed since", "id=" + std::to_string(i)});
  }
  report.preview.tables = {payments, {"public.\x1b[31m", 5, 0, 0, 0, {}}};
  report.left_out = {{"public.carts", "it was truncated"}};
  report.notes = {"payments: column x is new"};
  return report;
}

TEST(UndoText, ThePreviewSaysWhatComesBackAndWhatIsInTheWay) {
  const std::string text = undo_preview_text(preview());
  EXPECT_THAT(text, HasSubstr("Undo of transaction 748 in database shop"));
  EXPECT_THAT(text, HasSubstr("public.payments"));
  EXPECT_THAT(text, HasSubstr("199,998"));
  EXPECT_THAT(text,
              HasSubstr("Conflicts in public.payments:\n  id=0 (to set back): changed since\n"));
  EXPECT_THAT(text, HasSubstr("and 2 more"));
  EXPECT_THAT(text, Not(HasSubstr("id=10")));
  EXPECT_THAT(text, HasSubstr("Not undone: public.carts: it was truncated"));
  EXPECT_THAT(text, HasSubstr("Note: payments: column x is new"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(UndoText, WhatIsLeftToDoIsALineToPaste) {
  undo::UndoReport report = preview();
  EXPECT_THAT(undo_text(report, {}, kPlain),
              HasSubstr("`walkback undo --xid 748 --on-conflict skip --apply`"));
  undo::UndoReport hopeless = report;
  hopeless.preview.tables = {{"public.payments", 0, 0, 0, 12, {}}};
  EXPECT_THAT(undo_text(hopeless, {}, kPlain), Not(HasSubstr("--apply")));
  report.preview.tables[0].conflicts = 0;
  EXPECT_THAT(undo_text(report, {}, kPlain), HasSubstr("`walkback undo --xid 748 --apply`"));
  EXPECT_THAT(undo_text(report, undo::RowOutput{undo::RowFormat::kSql, "/tmp/a b.sql"}, kPlain),
              HasSubstr("'/tmp/a b.sql'"));
  report.applied = report.preview;
  report.applied->xid = 801;
  const std::string done = undo_text(report, {}, kPlain);
  EXPECT_THAT(done, HasSubstr("200,003 rows inserted back, 3 set back, 1 removed"));
  EXPECT_THAT(done, HasSubstr("`walkback undo --xid 801`"));
}

TEST(UndoText, WhatComesBackWholeIsSaid) {
  undo::UndoReport report = preview();
  report.preview.tables[0].created = true;
  report.with_tables = {"view public.v\x1b"};
  const std::string text = undo_preview_text(report);
  EXPECT_THAT(text, HasSubstr("Comes back whole: public.payments\n"));
  EXPECT_THAT(text, HasSubstr("Comes back with it: view public.v"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  report.applied = report.preview;
  report.applied->xid = 801;
  const std::string done = undo_text(report, {}, kPlain);
  EXPECT_THAT(done, HasSubstr("DROP TABLE takes back"));
  EXPECT_THAT(done, Not(HasSubstr("undo --xid 801")));
  EXPECT_NE(undo_json(report, {}).find("\"created\": true"), std::string::npos);
}

TEST(UndoText, WhatFiresAllTheSameIsSaidBeforeAndAfter) {
  undo::UndoReport report = preview();
  EXPECT_THAT(undo_preview_text(report), Not(HasSubstr("ires")));
  report.preview.tables[0].fires = {"trigger audit (ENABLE ALWAYS) on INSERT"};
  EXPECT_THAT(undo_preview_text(report),
              HasSubstr("Fires all the same, on public.payments: trigger audit (ENABLE ALWAYS) on "
                        "INSERT\n"));
  EXPECT_THAT(undo_json(report, {}), HasSubstr("trigger audit (ENABLE ALWAYS) on INSERT"));
  report.applied = report.preview;
  EXPECT_THAT(undo_text(report, {}, kPlain), HasSubstr("\nFired all the same, on public.payments"));
}

TEST(UndoText, AServerThatWasKeptIsAskedStoppedAndDiscardedWithLinesToPaste) {
  undo::UndoReport report = preview();
  EXPECT_THAT(undo_text(report, {}, kPlain), Not(HasSubstr("kept")));
  EXPECT_TRUE(nlohmann::json::parse(undo_json(report, {}))["undo"]["kept"].is_null());
  report.kept = {"/srv/undo-1-kept", "pg_ctl -D /srv/undo-1-kept/data start",
                 "psql -h /srv/undo-1-kept -d shop", "pg_ctl -D /srv/undo-1-kept/data stop", ""};
  for (const bool applied : {false, true}) {
    if (applied) report.applied = report.preview;
    EXPECT_THAT(undo_text(report, {}, Suggestion("walkback", "sudo -u postgres ")),
                HasSubstr("It was kept in /srv/undo-1-kept, stopped. To look at it:\n"
                          "  sudo -u postgres pg_ctl -D /srv/undo-1-kept/data start\n"
                          "  sudo -u postgres psql -h /srv/undo-1-kept -d shop\n"
                          "To stop it, and to discard it:\n"
                          "  sudo -u postgres pg_ctl -D /srv/undo-1-kept/data stop\n"
                          "  sudo -u postgres rm -r /srv/undo-1-kept\n"));
  }
  EXPECT_EQ(nlohmann::json::parse(undo_json(report, {}))["undo"]["kept"], "/srv/undo-1-kept");
}

TEST(UndoText, JsonHoldsBothPreviewAndWhatWasDone) {
  undo::UndoReport report = preview();
  auto json = nlohmann::json::parse(undo_json(report, {}))["undo"];
  EXPECT_EQ(json["xid"], 748);
  EXPECT_EQ(json["tables"][0]["conflict_count"], 12);
  EXPECT_EQ(json["tables"][0]["conflicts"][0]["row"], "id=0");
  EXPECT_TRUE(json["applied"].is_null());
  EXPECT_TRUE(json["compared"]);
  report.applied = report.preview;
  report.applied->xid = 801;
  report.not_compared = "no answer";
  json = nlohmann::json::parse(
      undo_json(report, undo::RowOutput{undo::RowFormat::kSql, "/x.sql"}))["undo"];
  EXPECT_EQ(json["applied"][0]["removed"], 1);
  EXPECT_EQ(json["applied_xid"], 801);
  EXPECT_EQ(json["script"], "/x.sql");
  EXPECT_FALSE(json["compared"]);
}

}  // namespace
}  // namespace walkback::cli
