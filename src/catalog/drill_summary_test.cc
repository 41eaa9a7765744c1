#include "catalog/drill_summary.h"

#include <gtest/gtest.h>

#include "base/time_text.h"

namespace walkback::catalog {
namespace {

DrillSummary sample() {
  DrillSummary drill;
  drill.system_identifier = {7'564'831'203'948'571'231};
  drill.backup = {"20261122T140001Z-3f9a"};
  drill.target = "time";
  drill.seed = UINT64_MAX;
  drill.timeline = {2};
  drill.target_lsn = {0x1'05A3'F2C8};
  drill.target_time = parse_iso_utc("2026-11-22T15:46:58.120455Z").value();
  drill.proofs = {{"target", ProofOutcome::kProved},
                  {"checks", ProofOutcome::kFailed},
                  {"indexes", ProofOutcome::kNotProved}};
  drill.bytes_written = 4'186'243'072;
  drill.bytes_fetched = 1'190'000'000;
  drill.wal_bytes = 41'218'048;
  drill.restore_s = 12.125;
  drill.replay_s = 2.25;
  drill.prove_s = 30.5;
  drill.total_s = 45;
  return drill;
}

TEST(DrillSummary, WhatIsWrittenReadsBack) {
  const DrillSummary drill = sample();
  const std::string text = encode_drill(drill);
  const auto read = decode_drill(as_bytes(text), "x");
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(encode_drill(*read), text);
  EXPECT_EQ(read->seed, drill.seed);
  EXPECT_EQ(read->system_identifier, drill.system_identifier);
  EXPECT_EQ(read->proofs.at(2).outcome, ProofOutcome::kNotProved);
  EXPECT_DOUBLE_EQ(read->recovery_s(), 14.375);
}

TEST(DrillSummary, WhatItCannotKnowMayBeAbsent) {
  DrillSummary drill = sample();
  drill.seed.reset();
  drill.target_time.reset();
  const auto read = decode_drill(as_bytes(encode_drill(drill)), "x");
  ASSERT_TRUE(read.ok());
  EXPECT_FALSE(read->seed || read->target_time);
}

TEST(DrillSummary, DamageIsSeen) {
  const std::string text = encode_drill(sample());
  for (const auto& [from, to] : {std::pair("\"proved\"", "\"fine\""),
                                 {"\"proofs\"", "\"other\""},
                                 {"\"1/5A3F2C8\"", "\"x\""},
                                 {"[\n", "[7,\n"}}) {
    std::string damaged = text;
    const size_t at = damaged.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    damaged.replace(at, std::string(from).size(), to);
    EXPECT_EQ(decode_drill(as_bytes(damaged), "x").error().kind, ErrorKind::kCorrupt) << from;
  }
  EXPECT_FALSE(decode_drill(as_bytes("{"), "x").ok());
}

}  // namespace
}  // namespace walkback::catalog
