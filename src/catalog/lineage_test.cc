#include "catalog/lineage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/testing/seeded_random.h"
#include "repo/encrypted_store.h"
#include "store/memory_store.h"

namespace walkback::catalog {
namespace {

using ::testing::HasSubstr;

constexpr pg::SystemIdentifier kSystem{7711004979447500612};

Lineage lineage(pg::SystemIdentifier system = kSystem, int64_t seen_s = 0) {
  return {system, 15, 16u << 20, Timestamp{seen_s * 1'000'000}};
}

TEST(Lineages, AreListedInTheOrderInWhichTheyWereSeen) {
  const auto objects = store::make_memory_store();
  ASSERT_TRUE(register_lineage(*objects, "main", lineage({5}, 200)).ok());
  ASSERT_TRUE(register_lineage(*objects, "main", lineage({9}, 100)).ok());
  ASSERT_TRUE(register_lineage(*objects, "other", lineage({7}, 300)).ok());
  const auto lineages = list_lineages(*objects, "main").value();
  ASSERT_EQ(lineages.size(), 2u);
  EXPECT_EQ(lineages[0].system_identifier.value, 9u);
  EXPECT_EQ(lineages[1].system_identifier.value, 5u);
}

TEST(Lineages, OneThatIsNotKnownSaysWhatToDo) {
  const auto objects = store::make_memory_store();
  const auto unknown = get_lineage(*objects, "main", kSystem);
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().kind, ErrorKind::kMissing);
  EXPECT_THAT(unknown.error().hint, HasSubstr("walkback init"));
}

TEST(Lineages, AConfigurationThatLostItsEncryptionIsRefused) {
  SeededRandom random(1);
  const crypto::Recipient recipient = crypto::Identity::generate(random).recipient();
  auto beneath = store::make_memory_store();
  store::ObjectStore& plain = *beneath;
  const auto encrypted = repo::make_encrypted_store(
      std::move(beneath), {.recipients = {recipient}, .hosts = {}, .identities = {}}, protection_of,
      random);
  ASSERT_TRUE(register_lineage(*encrypted, "main", lineage()).ok());
  EXPECT_TRUE(get_lineage(*encrypted, "main", kSystem).ok());
  const auto refused = get_lineage(plain, "main", kSystem);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("encryption \"age\""));
}

TEST(Lineages, WhatIsNotOneIsDamaged) {
  for (std::string_view text :
       {"", "[]", "{}", R"({"postgresql_major": "15"})",
        R"({"postgresql_major": 15, "wal_segment_bytes": 5, "first_seen": "2026-11-22T00:00:00Z"})",
        R"({"postgresql_major": 15, "wal_segment_bytes": 16777216, "system_identifier": "5",
           "first_seen": "2026-11-22T00:00:00Z"})",
        R"({"postgresql_major": 15, "wal_segment_bytes": 16777216, "encryption": "nonf",
           "first_seen": "2026-11-22T00:00:00Z"})"}) {
    const auto objects = store::make_memory_store();
    ASSERT_TRUE(objects->put(LineageLayout("main", kSystem).lineage(), as_bytes(text)).ok());
    EXPECT_EQ(get_lineage(*objects, "main", kSystem).error().kind, ErrorKind::kCorrupt) << text;
  }
}

TEST(Lineages, OneThatIsLostHidesNoOther) {
  const auto objects = store::make_memory_store();
  const auto put = [&](const store::ObjectKey& key) {
    ASSERT_TRUE(objects->put(key, as_bytes("damaged")).ok());
  };
  ASSERT_TRUE(register_lineage(*objects, "main", lineage({5})).ok());
  put(LineageLayout("main", {6}).lineage());
  put(LineageLayout("main", {7}).manifest({"20261122T154659Z-3f9a"}));
  put(LineageLayout("main", {8}).drill("1"));
  EXPECT_FALSE(list_lineages(*objects, "main").ok());
  std::map<uint64_t, ErrorKind> lost;
  const auto lineages = list_lineages(
      *objects, "main",
      [&](pg::SystemIdentifier id, const Error& error) { lost[id.value] = error.kind; });
  ASSERT_TRUE(lineages.ok());
  ASSERT_EQ(lineages->size(), 1u);
  EXPECT_EQ(lineages->at(0).system_identifier.value, 5u);
  EXPECT_THAT(lost, ::testing::ElementsAre(std::pair(6u, ErrorKind::kCorrupt),
                                           std::pair(7u, ErrorKind::kMissing)));
}

}  // namespace
}  // namespace walkback::catalog
