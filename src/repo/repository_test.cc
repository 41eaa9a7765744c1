#include "repo/repository.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/testing/manual_clock.h"
#include "base/testing/seeded_random.h"
#include "repo/encrypted_store.h"
#include "store/memory_store.h"

namespace walkback::repo {
namespace {

using nlohmann::json;

class RepositoryTest : public testing::Test {
 protected:
  const store::ObjectKey marker{"walkback.json"};
  std::unique_ptr<store::ObjectStore> objects = store::make_memory_store();
  ManualClock clock;
  SeededRandom random{1};

  // What open says of a marker with these fields changed.
  Result<RepositoryInfo> open_with(const json& changes) {
    json fields = {{"format_version", 1},
                   {"id", "0123456789abcdef0123456789abcdef"},
                   {"encryption", "none"},
                   {"created", "2026-11-22T15:47:00Z"}};
    fields.merge_patch(changes);
    objects->remove(marker).value();
    objects->put(marker, as_bytes(fields.dump())).value();
    return open_repository(*objects);
  }
};

TEST_F(RepositoryTest, OpensAsItWasCreated) {
  const RepositoryInfo created = create_repository(*objects, clock, random).value();
  const RepositoryInfo opened = open_repository(*objects).value();
  EXPECT_EQ(opened.id, created.id);
  EXPECT_EQ(opened.id.size(), 32u);
  EXPECT_EQ(opened.encryption, "none");
  EXPECT_EQ(opened.created, created.created);
}

TEST_F(RepositoryTest, TheSecondCreatorGetsTheFirstOnesRepository) {
  const RepositoryInfo first = create_repository(*objects, clock, random).value();
  EXPECT_EQ(create_repository(*objects, clock, random).value().id, first.id);
}

TEST_F(RepositoryTest, WhatWasMadeInPlainTextIsNotGoneOnWithInCipher) {
  create_repository(*objects, clock, random).value();
  const auto encrypted = make_encrypted_store(
      std::move(objects),
      {.recipients = {crypto::Identity::generate(random).recipient()},
       .hosts = {},
       .identities = {}},
      [](const store::ObjectKey&) { return Protection::kPlain; }, random);
  for (const auto& refused :
       {open_repository(*encrypted), create_repository(*encrypted, clock, random)}) {
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().kind, ErrorKind::kInvalid);
    EXPECT_NE(refused.error().message.find("the configuration says \"age\""), std::string::npos);
  }
}

TEST_F(RepositoryTest, TheMarkerIsPlainJsonForPeopleAndPrograms) {
  const RepositoryInfo created = create_repository(*objects, clock, random).value();
  const json fields = json::parse(as_text(objects->get(marker).value().value()));
  EXPECT_EQ(fields["format_version"], 1);
  EXPECT_EQ(fields["id"], created.id);
  EXPECT_EQ(fields["encryption"], "none");
}

TEST_F(RepositoryTest, AnEmptyStoreIsNoRepositoryAndTheHintSaysInit) {
  const Result<RepositoryInfo> outcome = open_repository(*objects);
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().kind, ErrorKind::kMissing);
  EXPECT_NE(outcome.error().hint.find("walkback init"), std::string::npos);
}

TEST_F(RepositoryTest, ANewerFormatAsksForANewerProgramWhateverElseItSays) {
  const Result<RepositoryInfo> outcome = open_with({{"format_version", 2}, {"id", 7}});
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(outcome.error().hint, "use a newer walkback");
}

TEST_F(RepositoryTest, FieldsThatThisVersionDoesNotKnowAreLeftAlone) {
  EXPECT_TRUE(open_with({{"comment", "the one in the cellar"}}).ok());
}

TEST_F(RepositoryTest, ADamagedMarkerIsCorrupt) {
  const json damages[] = {
      {{"format_version", "1"}},  {{"format_version", 0}}, {{"format_version", nullptr}},
      {{"id", "short"}},          {{"id", nullptr}},       {{"encryption", 1}},
      {{"created", "yesterday"}}, {{"created", nullptr}}};
  for (const json& damage : damages) {
    const Result<RepositoryInfo> outcome = open_with(damage);
    ASSERT_FALSE(outcome.ok()) << damage;
    EXPECT_EQ(outcome.error().kind, ErrorKind::kCorrupt) << damage;
  }
}

TEST_F(RepositoryTest, WhatIsNoJsonIsCorrupt) {
  for (const char* text : {"", "{", "[]", "\xff\xfe", "null"}) {
    objects->remove(marker).value();
    objects->put(marker, as_bytes(text)).value();
    EXPECT_EQ(open_repository(*objects).error().kind, ErrorKind::kCorrupt) << text;
  }
}

}  // namespace
}  // namespace walkback::repo
