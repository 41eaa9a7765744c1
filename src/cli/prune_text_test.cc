#include "cli/prune_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/testing/samples.h"

namespace walkback::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

class PruneText : public ::testing::Test {
 protected:
  PruneText() {
    retention::LineageReport lineage;
    lineage.system_identifier = {7312};
    lineage.earliest = {{"20261122T140001Z-3f9a"}, at("14:00:19")};
    lineage.earliest_with_wal = lineage.earliest;
    report_.lineages = {lineage};
  }
  retention::LineageReport& lineage() { return report_.lineages[0]; }
  std::string text() { return prune_text(report_, false); }

  retention::PruneReport report_;
};

TEST_F(PruneText, EndsWithHowFarBackRecoveriesReach) {
  EXPECT_THAT(text(), HasSubstr("The earliest moment that can be recovered is 2026-11-22 "));
  EXPECT_THAT(text(), HasSubstr(", the end of backup 20261122T140001Z-3f9a\n"));
  EXPECT_THAT(text(), Not(HasSubstr("`walkback list`")));
  report_.dry_run = true;
  EXPECT_THAT(text(), HasSubstr("that can be recovered would be 2026-11-22 "));
  lineage().earliest_with_wal = {{"20261122T150001Z-3f9b"}, at("15:00:19")};
  EXPECT_THAT(text(), HasSubstr("any can since 2026-11-22 "));
  EXPECT_THAT(text(), HasSubstr("20261122T150001Z-3f9b; of those between `walkback list`"));
  lineage().earliest = lineage().earliest_with_wal = std::nullopt;
  EXPECT_THAT(text(), HasSubstr("Nothing can be recovered"));
}

TEST_F(PruneText, WhatAKilledBackupLeftIsToldFromBackups) {
  lineage().packs_removed = lineage().garbage_removed = 3;
  lineage().pack_bytes = lineage().garbage_bytes = 3 << 20;
  EXPECT_THAT(text(), HasSubstr("Removed 0 packs of backups (0 B) and 0 WAL segments (0 B)\n"
                                "Removed 3 packs (3.0 MiB) that attempts at a backup had left "
                                "which did not end\n"));
  lineage().packs_removed = lineage().garbage_removed = 0;
  lineage().garbage_left = 1;
  EXPECT_THAT(text(), HasSubstr("1 pack of no backup stays: one is running, and may need it"));
}

}  // namespace
}  // namespace walkback::cli
