#include "repo/encrypted_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/testing/seeded_random.h"
#include "crypto/decrypt.h"
#include "store/conformance.h"
#include "store/memory_store.h"
#include "store/testing/forwarding_store.h"

namespace walkback::repo {
namespace {

using store::ObjectKey;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Protection by_name(const ObjectKey& key) {
  const std::string& text = key.text();
  if (text.ends_with(".json")) return Protection::kPlain;
  return text.starts_with("meta/") ? Protection::kMetadata : Protection::kData;
}

const ObjectKey kTable("packs/table.zst");
const ObjectKey kManifest("meta/manifest.zst");
const ObjectKey kSummary("summary.json");

class EncryptedStoreTest : public ::testing::Test {
 protected:
  // With these keys at hand, over the one store beneath.
  std::unique_ptr<store::ObjectStore> open(std::vector<crypto::Identity> at_hand) {
    // The store beneath stays the test's, so that it can look and meddle.
    return make_encrypted_store(std::make_unique<store::ForwardingStore>(*beneath_),
                                {.recipients = {owner_.recipient(), other_owner_.recipient()},
                                 .hosts = {host_.recipient()},
                                 .identities = std::move(at_hand)},
                                by_name, random_);
  }
  std::string put_text(const ObjectKey& key, std::string_view text) {
    EXPECT_TRUE(open({})->put(key, as_bytes(text)).ok());
    return std::string(text);
  }
  static std::string text_of(Result<std::optional<Bytes>> got) {
    if (!got.ok()) return "error: " + got.error().message;
    return *got ? std::string(as_text(**got)) : "nothing";
  }

  SeededRandom random_{7};
  crypto::Identity owner_ = crypto::Identity::generate(random_);
  crypto::Identity other_owner_ = crypto::Identity::generate(random_);
  crypto::Identity host_ = crypto::Identity::generate(random_);
  std::unique_ptr<store::ObjectStore> beneath_ = store::make_memory_store();
};

TEST_F(EncryptedStoreTest, DoesWhatEveryStoreMust) {
  const std::unique_ptr<store::ObjectStore> store = open({owner_});
  // Sizes told are those stored; order, and room for the suffix, are promised for names as a
  // repository has them; both are tried below.
  const std::set<std::string_view> own_ways{
      "put_then_get", "a_listing_is_in_byte_order", "a_listing_begins_after_a_name",
      "names_may_have_every_allowed_character", "thousands_of_objects_are_listed"};
  size_t checked = 0;
  for (const store::ConformanceCheck& check : store::conformance_checks()) {
    if (own_ways.contains(check.name)) continue;
    Result<void> result = store::run_check(check, *store, random_, {});
    EXPECT_TRUE(result.ok()) << check.name << ": " << result.error().message;
    ++checked;
  }
  EXPECT_EQ(checked + own_ways.size(), store::conformance_checks().size());
}

TEST_F(EncryptedStoreTest, OnlyAnOwnerReadsTableData) {
  const std::string text = put_text(kTable, "accounts of all customers");
  EXPECT_EQ(text_of(open({owner_})->get(kTable)), text);
  EXPECT_EQ(text_of(open({host_, other_owner_})->get(kTable)), text);
  const std::unique_ptr<store::ObjectStore> on_the_host = open({host_});
  const auto refused = on_the_host->get(kTable);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kDenied);
  EXPECT_THAT(refused.error().message, HasSubstr("packs/table.zst"));
  EXPECT_THAT(refused.error().hint, HasSubstr("identity_file"));
  EXPECT_EQ(on_the_host->open(kTable).error().kind, ErrorKind::kDenied);
}

TEST_F(EncryptedStoreTest, TheHostReadsItsMetadata) {
  const std::string text = put_text(kManifest, "which pages lie where");
  EXPECT_EQ(text_of(open({host_})->get(kManifest)), text);
  EXPECT_EQ(text_of(open({owner_})->get(kManifest)), text);
  EXPECT_EQ(open({})->get(kManifest).error().kind, ErrorKind::kDenied);
}

// Looking for more keys reads objects and may ask a person: only when one is missed, and once.
TEST_F(EncryptedStoreTest, FurtherKeysAreLookedForWhenOneIsMissed) {
  const std::string text = put_text(kTable, "accounts of all customers");
  int looked = 0;
  Result<FurtherIdentities> found = FurtherIdentities{{owner_}, std::nullopt};
  const auto open_host = [&] {
    EncryptionKeys keys{.recipients = {owner_.recipient()}, .identities = {host_}};
    keys.hosts = {host_.recipient()};
    keys.further_identities = [&] {
      ++looked;
      return found;
    };
    return make_encrypted_store(std::make_unique<store::ForwardingStore>(*beneath_),
                                std::move(keys), by_name, random_);
  };
  auto store = open_host();
  ASSERT_TRUE(store->put(kManifest, as_bytes("names")).ok());
  EXPECT_EQ(text_of(store->get(kManifest)), "names");
  EXPECT_EQ(looked, 0);
  EXPECT_EQ(text_of(store->get(kTable)), text);
  EXPECT_TRUE(store->open(kTable).ok());
  EXPECT_EQ(looked, 1);

  found = FurtherIdentities{{host_}, make_error(ErrorKind::kDenied, "it is Ada's", "ask Ada")};
  store = open_host();
  EXPECT_THAT(store->get(kTable).error().message, HasSubstr("packs/table.zst: it is Ada's"));
  EXPECT_EQ(store->get(kTable).error().hint, "ask Ada");

  found = make_error(ErrorKind::kMissing, "gpg has no secret key");
  EXPECT_EQ(open_host()->get(kTable).error().kind, ErrorKind::kDenied)
      << "that a key is missing must not read as if the object were";
}

TEST_F(EncryptedStoreTest, WhatIsPlainNeedsNoKey) {
  put_text(kSummary, "{}");
  EXPECT_EQ(text_of(open({})->get(kSummary)), "{}");
  EXPECT_EQ(text_of(beneath_->get(kSummary)), "{}");
}

TEST_F(EncryptedStoreTest, NothingOfTheContentLiesInTheStoreBeneath) {
  const std::string secret = "account 4711 of customer Miller";
  put_text(kTable, secret + secret);
  beneath_
      ->list("", "",
             [&](const store::ObjectInfo& info) {
               const Bytes stored = *beneath_->get(info.key).value();
               EXPECT_EQ(as_text(stored).find(secret.substr(0, 8)), std::string_view::npos);
               return true;
             })
      .value();
}

TEST_F(EncryptedStoreTest, AnObjectIsOneAgeFileWithItsSuffix) {
  const Bytes content = random_.bytes(300'000);
  auto writer = open({})->create(kTable).value();
  for (size_t at = 0; at < content.size(); at += 70'001) {
    ASSERT_TRUE(
        writer->append(ByteView(content).subspan(at, std::min<size_t>(70'001, content.size() - at)))
            .ok());
  }
  ASSERT_EQ(writer->finish().value(), store::PutOutcome::kCreated);
  const Bytes stored = *beneath_->get(ObjectKey("packs/table.zst.age")).value();
  const std::vector<crypto::Identity> identities{owner_};
  EXPECT_EQ(crypto::decrypt(stored, identities, content.size()).value(), content);
}

TEST_F(EncryptedStoreTest, AListingGivesPlainNamesAndGoesOnAfterOne) {
  for (const char* name : {"wal/1.zst", "wal/2.zst", "wal/3.zst", "wal/a.json"}) {
    put_text(ObjectKey(name), "x");
  }
  std::vector<std::string> names;
  open({})
      ->list("wal/", "wal/1.zst",
             [&](const store::ObjectInfo& info) {
               names.push_back(info.key.text());
               EXPECT_EQ(open({})->info(info.key).value()->size, info.size);
               return true;
             })
      .value();
  EXPECT_THAT(names, ElementsAre("wal/2.zst", "wal/3.zst", "wal/a.json"));
}

TEST_F(EncryptedStoreTest, AnObjectThatIsPlainWhereItShouldNotBeIsNotThere) {
  ASSERT_TRUE(beneath_->put(kTable, as_bytes("forged in plain text")).ok());
  EXPECT_EQ(text_of(open({owner_})->get(kTable)), "nothing");
  open({owner_})
      ->list("", "",
             [](const store::ObjectInfo& info) {
               ADD_FAILURE() << info.key.text();
               return true;
             })
      .value();
}

TEST_F(EncryptedStoreTest, AChangedByteOrACutIsNeverContent) {
  const ObjectKey stored_key("packs/table.zst.age");
  put_text(kTable, std::string(100, 'x'));
  const Bytes good = *beneath_->get(stored_key).value();
  const auto store = open({owner_});
  auto expect_refused = [&](const Bytes& bad, size_t at) {
    ASSERT_TRUE(beneath_->remove(stored_key).ok());
    ASSERT_TRUE(beneath_->put(stored_key, bad).ok());
    EXPECT_FALSE(store->get(kTable).ok()) << at;
    EXPECT_FALSE(store->open(kTable).ok()) << at;
  };
  for (size_t at = 0; at < good.size(); ++at) {
    Bytes bad = good;
    bad[at] ^= std::byte{1};
    expect_refused(bad, at);
    bad.resize(at);
    expect_refused(bad, at);
  }
}

TEST_F(EncryptedStoreTest, AFileCutBetweenTwoChunksIsNotedBeforeAByteIsRead) {
  const ObjectKey stored_key("packs/table.zst.age");
  ASSERT_TRUE(open({})->put(kTable, random_.bytes(3 * crypto::kChunkBytes)).ok());
  Bytes cut = *beneath_->get(stored_key).value();
  cut.resize(cut.size() - crypto::kSealedChunkBytes);
  ASSERT_TRUE(beneath_->remove(stored_key).ok());
  ASSERT_TRUE(beneath_->put(stored_key, cut).ok());
  const auto opened = open({owner_})->open(kTable);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().kind, ErrorKind::kCorrupt);
}

TEST_F(EncryptedStoreTest, AHeaderWithManyRecipientsIsRead) {
  std::vector<crypto::Recipient> many;
  for (int i = 0; i < 40; ++i) many.push_back(crypto::Identity::generate(random_).recipient());
  many.push_back(owner_.recipient());
  const auto store = make_encrypted_store(std::make_unique<store::ForwardingStore>(*beneath_),
                                          {.recipients = many, .hosts = {}, .identities = {owner_}},
                                          by_name, random_);
  ASSERT_TRUE(store->put(kTable, as_bytes("x")).ok());
  EXPECT_EQ(store->open(kTable).value()->size(), 1u);
}

}  // namespace
}  // namespace walkback::repo
