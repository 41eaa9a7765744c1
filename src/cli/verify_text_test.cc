#include "cli/verify_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/testing/golden.h"
#include "cli/testing/samples.h"

namespace walkback::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using verify::ObjectClass;
using verify::Proof;

verify::ClassReport& of(verify::VerifyReport& report, ObjectClass one) {
  return report.classes[static_cast<size_t>(one)];
}

void fill(verify::VerifyReport& report, ObjectClass one, uint64_t objects, Proof proof) {
  verify::ClassReport& found = of(report, one);
  found.objects = objects;
  found.bytes = objects * 1'000'000;
  found.by_proof[static_cast<size_t>(proof)] = objects;
  found.read = objects / 10;
  found.read_bytes = found.bytes / 10;
  found.oldest_proof = at("03:00:00");
}

verify::VerifyReport sample(Proof data) {
  verify::VerifyReport report;
  report.id = "20261122T140001Z-3f9a";
  report.backups = 12;
  report.duration_s = 2.5;
  fill(report, ObjectClass::kManifests, 36, Proof::kProved);
  fill(report, ObjectClass::kMaps, 12, Proof::kProved);
  fill(report, ObjectClass::kPacks, 1240, data);
  fill(report, ObjectClass::kSegments, 3400, data == Proof::kAsWritten ? Proof::kSeen : data);
  fill(report, ObjectClass::kIndexes, 3400, Proof::kProved);
  return report;
}

TEST(VerifyText, AllProved) {
  const verify::VerifyReport report = sample(Proof::kProved);
  expect_golden("verify.txt", verify_text(report));
  expect_golden("verify.json", verify_json(report, nullptr));
}

TEST(VerifyText, WithoutAPrivateKeyItSaysHowFarItGot) {
  expect_golden("verify_without_key.txt", verify_text(sample(Proof::kAsWritten)));
}

TEST(VerifyText, Trouble) {
  verify::VerifyReport report = sample(Proof::kProved);
  report.deep = true;
  report.resumed_from = at("02:00:00");
  of(report, ObjectClass::kPacks).in_trouble = 1;
  of(report, ObjectClass::kSegments).in_trouble = 1;
  report.findings = {{verify::Trouble::kDamaged,
                      "clusters/main/75/packs/ab/ab01.zst",
                      "it is damaged at byte 4711: its content does not match its checksum",
                      {"20261120T010000Z-0001", "20261121T010000Z-0002", "20261122T010000Z-0003",
                       "20261122T020000Z-0004", "20261122T030000Z-0005"}},
                     {verify::Trouble::kGap,
                      "clusters/main/75/wal/00000001/00000000/000000010000000000000007.zst",
                      "WAL is missing from 0/7000000 to 0/8000000 on timeline 1",
                      {},
                      ObjectClass::kSegments,
                      verify::LostMoments{{1}, {0x7000000}, at("02:10:00"), at("02:50:00")}}};
  report.warnings = {"000000010000000000000005 has no index"};
  const Error error = trouble_error(report);
  EXPECT_EQ(error.kind, ErrorKind::kCorrupt);
  EXPECT_THAT(error.message, HasSubstr("ab01.zst: it is damaged"));
  EXPECT_EQ(trouble_count(report).message, "2 objects in trouble: 1 damaged, 1 gap");
  expect_golden("verify_trouble.txt", verify_text(report));
  expect_golden("verify_trouble.json", verify_json(report, &error));
}

// Each once, and none that does not fit.
TEST(VerifyText, WhatToDoIsSaidOfEachKindOfFinding) {
  verify::VerifyReport report = sample(Proof::kProved);
  const std::string lineage = "clusters/main/75/", wal = lineage + "wal/00000001/00000000/";
  const auto hint_of = [&](std::vector<verify::Finding> findings) {
    report.findings = std::move(findings);
    EXPECT_EQ(trouble_error(report).hint, trouble_count(report).hint);
    return trouble_count(report).hint;
  };
  const auto damaged = [](ObjectClass of, std::string object) {
    return verify::Finding{verify::Trouble::kDamaged, std::move(object), "damaged", {}, of};
  };
  const verify::Finding index =
      damaged(ObjectClass::kIndexes, wal + "000000010000000000000007.index.zst.age");
  const std::string indexes = hint_of({index, index});
  EXPECT_EQ(indexes, "`walkback index --rebuild` makes WAL indexes and their signs again");
  verify::Finding gap = damaged(ObjectClass::kSegments, wal + "000000010000000000000007.zst");
  gap.trouble = verify::Trouble::kGap;
  EXPECT_THAT(hint_of({gap}), AllOf(HasSubstr("wal-push"), HasSubstr("take a backup now"),
                                    Not(HasSubstr("--full")), Not(HasSubstr("index"))));
  const std::string pack = hint_of({damaged(ObjectClass::kPacks, lineage + "packs/ab/ab01.zst")});
  EXPECT_THAT(pack, AllOf(HasSubstr("backup --full"), Not(HasSubstr("index"))));
  EXPECT_THAT(hint_of({damaged(ObjectClass::kManifests, lineage + "backups/x/names.zst.age")}),
              AllOf(HasSubstr("only reports are poorer"), Not(HasSubstr("--full"))));
  EXPECT_THAT(hint_of({damaged(ObjectClass::kManifests, lineage + "lineage.json")}),
              AllOf(HasSubstr("walkback init"), Not(HasSubstr("--full"))));
  EXPECT_EQ(hint_of({index, damaged(ObjectClass::kPacks, lineage + "packs/ab/ab01.zst"), index}),
            pack + ". " + indexes);
}

}  // namespace
}  // namespace walkback::cli
