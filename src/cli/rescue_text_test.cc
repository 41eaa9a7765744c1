#include "cli/rescue_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace walkback::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using undo::Difference;

const Suggestion kSuggestion("walkback", "");

class RescueTextTest : public ::testing::Test {
 protected:
  RescueTextTest() {
    plan_.target.kind = restore::TargetKind::kBeforeXid;
    plan_.target.xid = 748;
    report_.database = "shop";
    report_.table = "public.payments";
    report_.rows = 1'012;
    report_.today = "public.payments";
    report_.key = {"id"};
    report_.comparison = undo::RowComparison{1'012, 998, 12, 3, 2, {}};
    for (int i = 10; i < 22; ++i) {
      report_.comparison->listed.push_back({Difference::kOnlyThen, "id=" + std::to_string(i)});
    }
    report_.comparison->listed.push_back({Difference::kChanged, "id=\x1b[31m"});
  }

  std::string text() { return rescue_text({report_, plan_, output_}, kSuggestion); }
  nlohmann::json json() {
    return nlohmann::json::parse(rescue_json({report_, plan_, output_}))["rescue"];
  }

  undo::RescueReport report_;
  restore::RecoveryPlan plan_;
  std::optional<undo::RowOutput> output_;
};

TEST_F(RescueTextTest, ThenAndNowAreCountedAndTheFirstListed) {
  EXPECT_THAT(text(), HasSubstr("public.payments in database shop, recovered to just before "
                                "transaction 748\n"));
  EXPECT_THAT(text(), HasSubstr("1,012"));
  EXPECT_THAT(text(), HasSubstr("998"));
  EXPECT_THAT(text(), HasSubstr("\nRows only then:\n  id=10\n"));
  EXPECT_THAT(text(), HasSubstr("  id=19\n  and 2 more;"));
  EXPECT_THAT(text(), Not(HasSubstr("id=20")));
  EXPECT_THAT(text(), Not(HasSubstr("\x1b")));
  EXPECT_THAT(text(), HasSubstr("`--output FILE`"));
  EXPECT_EQ(json()["comparison"]["only_then"], 12);
  EXPECT_EQ(json()["comparison"]["rows"][0]["difference"], "only_then");
  EXPECT_EQ(json()["comparison"]["rows"].size(), 13u);
  EXPECT_EQ(json()["output"], nullptr);
  EXPECT_EQ(json()["target"], "before_xid");
}

TEST_F(RescueTextTest, WhatCouldNotBeComparedSaysWhy) {
  report_.comparison.reset();
  report_.today.reset();
  report_.not_compared = "the table is not there today";
  EXPECT_THAT(text(), HasSubstr("not compared: the table is not there today"));
  EXPECT_EQ(json()["comparison"], nullptr);
  EXPECT_EQ(json()["table_today"], nullptr);
  EXPECT_EQ(json()["not_compared"], "the table is not there today");
}

TEST_F(RescueTextTest, WhatWasWrittenIsSaid) {
  report_.written = 12;
  output_ = {undo::RowFormat::kSql, "/tmp/a b.sql"};
  EXPECT_THAT(text(), HasSubstr("The SQL that gives 12 rows back is in '/tmp/a b.sql'"));
  report_.remakes = true;
  EXPECT_THAT(text(), HasSubstr("The SQL that makes the table, with 12 rows, is in"));
  output_->format = undo::RowFormat::kCsv;
  EXPECT_THAT(text(), HasSubstr("12 rows in '/tmp/a b.sql'"));
  EXPECT_EQ(json()["output"]["format"], "csv");
  EXPECT_EQ(json()["output"]["rows"], 12);
}

TEST_F(RescueTextTest, AKeptServerIsStartedAndDiscardedWithLinesToPaste) {
  report_.kept = {"/srv/rescue-1", "pg_ctl -D /srv/rescue-1/data start", "psql -h /tmp/walkback-x",
                  "pg_ctl -D /srv/rescue-1/data stop", "/tmp/walkback-x"};
  EXPECT_THAT(text(), HasSubstr("pg_ctl -D /srv/rescue-1/data start"));
  EXPECT_THAT(text(), HasSubstr("pg_ctl -D /srv/rescue-1/data stop\n  "));
  EXPECT_THAT(text(), HasSubstr("rm -r /srv/rescue-1 /tmp/walkback-x"));
  EXPECT_EQ(json()["kept"], "/srv/rescue-1");
}

}  // namespace
}  // namespace walkback::cli
