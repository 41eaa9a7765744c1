#include "pg/backup_label.h"

#include <gtest/gtest.h>

namespace walkback::pg {
namespace {

constexpr std::string_view kLabel =
    "START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\n"
    "CHECKPOINT LOCATION: 0/2000060\n"
    "BACKUP METHOD: streamed\n"
    "BACKUP FROM: primary\n"
    "START TIME: 2026-11-22 14:35:57 UTC\n"
    "LABEL: walkback 20261122\n"
    "START TIMELINE: 1\n";

std::string replaced(std::string_view from, std::string_view to) {
  std::string text(kLabel);
  return text.replace(text.find(from), from.size(), to);
}

TEST(BackupLabel, TellsWhereRecoveryBegins) {
  const BackupLabel label = parse_backup_label(kLabel).value();
  EXPECT_EQ(label.start.text(), "0/2000028");
  EXPECT_EQ(label.start_segment, "000000010000000000000002");
  EXPECT_EQ(label.checkpoint.text(), "0/2000060");
  EXPECT_EQ(label.timeline.value, 1u);
  EXPECT_FALSE(label.from_standby);
  EXPECT_EQ(label.start_time, "2026-11-22 14:35:57 UTC");
  EXPECT_EQ(label.label, "walkback 20261122");
  EXPECT_FALSE(label.stop);
  EXPECT_FALSE(label.incremental);
}

TEST(BackupLabel, ABackupHistoryFileHasTheStopToo) {
  const auto label = parse_backup_label(replaced(
      "CHECKPOINT", "STOP WAL LOCATION: 0/2000138 (file 000000010000000000000002)\nCHECKPOINT"));
  EXPECT_EQ(label->stop->text(), "0/2000138");
}

TEST(BackupLabel, KnowsStandbysAndIncrementalBackups) {
  EXPECT_TRUE(parse_backup_label(replaced("primary", "standby"))->from_standby);
  EXPECT_FALSE(parse_backup_label(replaced("primary", "master"))->from_standby) << "PostgreSQL 13";
  EXPECT_TRUE(
      parse_backup_label(std::string(kLabel) + "INCREMENTAL FROM LSN: 0/1000028\n")->incremental);
}

TEST(BackupLabel, WithoutWhatRecoveryNeedsItIsRefused) {
  for (const char* line : {"START WAL LOCATION", "CHECKPOINT LOCATION", "START TIMELINE"}) {
    const auto label = parse_backup_label(replaced(line, "X"));
    ASSERT_FALSE(label.ok()) << line;
    EXPECT_NE(label.error().message.find(line), std::string::npos);
  }
  EXPECT_FALSE(parse_backup_label("").ok());
}

TEST(BackupLabel, DamagedOrContradictoryLinesAreRefused) {
  EXPECT_FALSE(parse_backup_label(replaced("0/2000028 ", "2000028 ")).ok());
  EXPECT_FALSE(parse_backup_label(replaced(" (file 000000010000000000000002)", "")).ok());
  EXPECT_FALSE(
      parse_backup_label(replaced("000000010000000000000002", "../../../etc/passwd")).ok());
  EXPECT_FALSE(parse_backup_label(replaced("TIMELINE: 1", "TIMELINE: 2")).ok());
  EXPECT_FALSE(parse_backup_label(replaced("TIMELINE: 1", "TIMELINE: 1x")).ok());
  EXPECT_FALSE(parse_backup_label(replaced("0/2000060", "0/1000060")).ok());
}

}  // namespace
}  // namespace walkback::pg
