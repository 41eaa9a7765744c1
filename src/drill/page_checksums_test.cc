#include "drill/page_checksums.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "pgconn/testing/scratch_cluster.h"

namespace walkback::drill {
namespace {

using pgconn::testing::ScratchCluster;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Proof check(const ScratchCluster& cluster) {
  Result<Proof> proof =
      check_pages(system_files(), cluster.pgdata(), ScratchCluster::binaries(), {});
  EXPECT_TRUE(proof.ok()) << proof.error().message;
  return *proof;
}

TEST(PageChecksums, OneBadPageIsNamed) {
  ScratchCluster cluster({"-k"});
  cluster.start();
  cluster.sql("CREATE TABLE public.t AS SELECT generate_series(1, 10000)");
  const std::string file = *cluster.sql("SELECT pg_relation_filepath('public.t')");
  cluster.stop();
  const Proof whole = check(cluster);
  EXPECT_EQ(whole.outcome, ProofOutcome::kProved) << whole.text;
  EXPECT_THAT(whole.text, ::testing::MatchesRegex("[0-9]+ pages of [0-9]+ files"));
  {
    std::fstream page(cluster.pgdata() + "/" + file, std::ios::in | std::ios::out);
    page.seekp(8192 + 4000);
    page.write("damage", 6);
  }
  const Proof damaged = check(cluster);
  EXPECT_EQ(damaged.outcome, ProofOutcome::kFailed);
  EXPECT_EQ(damaged.text, "1 pages fail their checksum");
  EXPECT_THAT(damaged.details, ElementsAre(HasSubstr(file + "\", block 1")));
}

TEST(PageChecksums, WithoutThemNothingIsProved) {
  ScratchCluster cluster;
  const Proof proof = check(cluster);
  EXPECT_EQ(proof.outcome, ProofOutcome::kNotProved);
  EXPECT_THAT(proof.text, HasSubstr("no page checksums"));
}

TEST(PageChecksums, WithoutItsProgramNothingIsProved) {
  ScratchCluster cluster({"-k"});
  EXPECT_EQ(check_pages(system_files(), cluster.pgdata(), "/nowhere", {})->outcome,
            ProofOutcome::kNotProved);
}

TEST(PageChecksums, AServerThatRunsIsNotLookedAt) {
  const Proof proof = judge_checksums({1, "pg_checksums: error: cluster must be shut down\n"});
  EXPECT_EQ(proof.outcome, ProofOutcome::kFailed);
  EXPECT_THAT(proof.details, ElementsAre(HasSubstr("must be shut down")));
}

}  // namespace
}  // namespace walkback::drill
