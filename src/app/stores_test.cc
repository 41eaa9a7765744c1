#include "app/stores.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/testing/seeded_random.h"
#include "cli/key_options.h"
#include "keys/add_key.h"
#include "keys/host_key.h"
#include "keys/identity_file.h"
#include "keys/rotate_key.h"
#include "repo/repository.h"

namespace walkback::app {
namespace {

using cli::Access;
using testing::HasSubstr;

class StoresTest : public testing::Test {
 protected:
  StoresTest() {
    char path[] = "/tmp/walkback-stores-XXXXXX";
    directory_ = mkdtemp(path);
    config_.repository_url = "file://" + directory_ + "/repository";
    config_.encryption = "none";
  }
  ~StoresTest() override { std::filesystem::remove_all(directory_); }

  std::string path(const std::string& name) const { return directory_ + "/" + name; }
  Result<std::unique_ptr<store::ObjectStore>> open(Access access = Access::kMetadata) {
    return stores_.open(config_, access, {});
  }
  Error refused(Access access = Access::kMetadata) {
    auto store = open(access);
    return store.ok() ? make_error(ErrorKind::kInvalid, "nothing") : std::move(store).error();
  }
  // As `init` sets it up: an owner's key and the host's own.
  void encrypt() {
    const auto owner =
        keys::create_identity_file(system_files(), random_, system_clock(), path("owner.key"), {});
    ASSERT_TRUE(
        keys::create_host_key(system_files(), random_, system_clock(), path("host.key"), "db1")
            .ok());
    config_.encryption = "age";
    config_.encryption_recipients = {owner.value().text()};
    config_.encryption_identity_file = path("owner.key");
    config_.encryption_host_key_file = path("host.key");
  }

  std::string directory_;
  config::Config config_;
  SeededRandom random_{3};
  Stores stores_{system_files(),
                 system_clock(),
                 random_,
                 keys::system_gpg(),
                 [](std::string_view) { return std::string(); },
                 geteuid(),
                 [this](const Error& error) { warnings_.push_back(error.message); }};
  std::vector<std::string> warnings_;
};

const store::ObjectKey kPage("clusters/main/1/packs/ab/abcd.zst");

TEST_F(StoresTest, AFileUrlIsADirectory) {
  auto store = open();
  ASSERT_TRUE(store.ok()) << store.error().message;
  ASSERT_TRUE((*store)->put(kPage, as_bytes("x")).ok());
  EXPECT_EQ(as_text(**open().value()->get(kPage)), "x");
  EXPECT_EQ((*store)->description(), config_.repository_url);
  EXPECT_EQ(stores_.traffic().all_requests(), 0u);
}

TEST_F(StoresTest, AnotherSchemeIsRefusedWithWhatIsRead) {
  for (const char* url : {"https://bucket/x", "/srv/walkback", "", "FILE:///x"}) {
    config_.repository_url = url;
    EXPECT_EQ(refused().kind, ErrorKind::kUnsupported) << url;
    EXPECT_THAT(refused().message, HasSubstr("only file:///path and s3://bucket are read"));
  }
}

TEST_F(StoresTest, APasswordInAUrlIsNotShown) {
  for (const char* url : {"https://me:s3cret@host/x", "file://me:s3c/ret@host/x"}) {
    config_.repository_url = url;
    const Error error = refused();
    EXPECT_EQ((error.message + error.hint).find("s3c"), std::string::npos) << error.message;
  }
}

TEST_F(StoresTest, AFileUrlNeedsAnAbsolutePath) {
  for (const char* url : {"file://", "file://srv/walkback", "file://./x"}) {
    config_.repository_url = url;
    EXPECT_EQ(refused().kind, ErrorKind::kInvalid) << url;
  }
}

TEST_F(StoresTest, WhatIsWrongWithABucketIsSaidBeforeARequest) {
  config_.repository_url = "s3://";
  EXPECT_EQ(refused().kind, ErrorKind::kInvalid);
  config_.repository_url = "s3://backups/main";
  EXPECT_THAT(refused().message, HasSubstr("region"));
  config_.s3_region = "eu-central-1";
  config_.s3_tags = {"no equals sign"};
  EXPECT_THAT(refused().message, HasSubstr("s3.tags"));
  config_.s3_tags = {"owner=ada"};
  auto store = open();
  ASSERT_TRUE(store.ok()) << store.error().message;
  EXPECT_EQ((*store)->description(), "s3://backups/main");
}

TEST_F(StoresTest, WithTheOwnersKeyAwayPagesAreWrittenAndNotRead) {
  encrypt();
  ASSERT_TRUE(open().value()->put(kPage, as_bytes("a page")).ok());
  EXPECT_EQ(as_text(**open(Access::kReadData).value()->get(kPage)), "a page");

  std::filesystem::rename(path("owner.key"), path("elsewhere"));
  EXPECT_EQ(open().value()->get(kPage).error().kind, ErrorKind::kDenied);
  const Error error = open(Access::kReadData).value()->get(kPage).error();
  EXPECT_EQ(error.kind, ErrorKind::kDenied) << error.message;
  EXPECT_THAT(error.message, HasSubstr("no private key of this repository's owners is at hand"));
  EXPECT_FALSE(error.hint.empty());
}

// A key of today, added to the repository, opens what was written before it.
TEST_F(StoresTest, WhatIsOlderThanAKeyOpensThroughTheRepository) {
  encrypt();
  ASSERT_TRUE(open().value()->put(kPage, as_bytes("a page")).ok());
  const auto newer =
      keys::create_identity_file(system_files(), random_, system_clock(), path("newer.key"), {});
  {
    const auto beneath = stores_.open_beneath(config_, Access::kMetadata, {}).value();
    const keys::Options options = cli::key_options(config_, geteuid()).value();
    ASSERT_TRUE(keys::add_key({newer->text(), ""}, {system_files(), *beneath, keys::system_gpg(),
                                                    system_clock(), random_, options})
                    .ok());
  }
  config_.encryption_recipients = {newer->text()};
  config_.encryption_identity_file = path("newer.key");
  std::filesystem::remove(path("owner.key"));
  EXPECT_EQ(as_text(**open(Access::kReadData).value()->get(kPage)), "a page");
}

// The host's older metadata opens with the key it had, which its new one opens.
TEST_F(StoresTest, AHostWhoseKeyWasRotatedReadsItsOlderMetadata) {
  encrypt();
  std::filesystem::remove(path("owner.key"));
  const store::ObjectKey manifest("clusters/main/1/backups/x/manifest.zst");
  ASSERT_TRUE(open().value()->put(manifest, as_bytes("names")).ok());
  const auto beneath = stores_.open_beneath(config_, Access::kMetadata, {}).value();
  const keys::Options options = cli::key_options(config_, geteuid()).value();
  const auto rotated = keys::rotate_host_key(
      {path("host2.key"), "db1"},
      {system_files(), *beneath, keys::system_gpg(), system_clock(), random_, options});
  ASSERT_TRUE(rotated.ok()) << rotated.error().message;
  config_.encryption_host_key_file = path("host2.key");
  EXPECT_EQ(as_text(**open().value()->get(manifest)), "names");
  EXPECT_EQ(open(Access::kReadData).value()->get(kPage).value(), std::nullopt);
}

TEST_F(StoresTest, BeforeThereAreKeysWhatIsPlainIsRead) {
  encrypt();
  const store::ObjectKey marker("walkback.json");
  ASSERT_TRUE(open().value()->put(marker, as_bytes("{}")).ok());
  config_.encryption_recipients.clear();
  std::filesystem::remove(path("host.key"));
  const auto seen = open(Access::kSetUp).value();
  EXPECT_EQ(as_text(**seen->get(marker)), "{}");
  EXPECT_TRUE(seen->encrypted());
}

// A new machine, and nothing but the repository and the owner's key.
TEST_F(StoresTest, TheOwnersKeyAloneReadsAndWrites) {
  encrypt();
  const store::ObjectKey manifest("clusters/main/7000000000000000001/backups/b/manifest.wbk");
  ASSERT_TRUE(open().value()->put(manifest, as_bytes("names")).ok());
  config_.encryption_recipients.clear();
  config_.encryption_host_key_file.clear();
  EXPECT_EQ(as_text(**open(Access::kReadData).value()->get(manifest)), "names");
  const store::ObjectKey event("clusters/main/7000000000000000001/events/e.wbk");
  ASSERT_TRUE(open(Access::kReadData).value()->put(event, as_bytes("recover")).ok());
  EXPECT_EQ(as_text(**open(Access::kReadData).value()->get(event)), "recover");
  std::filesystem::remove(path("owner.key"));
  EXPECT_THAT(refused().message, HasSubstr("owner.key"));
}

TEST_F(StoresTest, TwoPlacesHoldOneRepository) {
  config_.second_repository_url = "file://" + directory_ + "/second";
  ASSERT_TRUE(open(Access::kBegin).value()->put(repo::marker_key(), as_bytes("{}")).ok());
  ASSERT_TRUE(open().value()->put(kPage, as_bytes("x")).ok());
  EXPECT_TRUE(std::filesystem::exists(path("repository/") + kPage.text()));
  EXPECT_TRUE(std::filesystem::exists(path("second/") + kPage.text()));
}

// Its disk is not mounted: what was stored before must not seem lost, nor go to the mount point.
TEST_F(StoresTest, APlaceThatIsNoRepositoryIsNotWrittenTo) {
  config_.second_repository_url = "file://" + directory_ + "/second";
  ASSERT_TRUE(open(Access::kBegin).value()->put(repo::marker_key(), as_bytes("{}")).ok());
  ASSERT_TRUE(open().value()->put(kPage, as_bytes("x")).ok());
  std::filesystem::rename(path("repository"), path("repository.away"));
  std::filesystem::create_directory(path("repository"));
  const auto store = open().value();
  EXPECT_EQ(as_text(**store->get(kPage)), "x");
  EXPECT_THAT(warnings_, testing::ElementsAre(HasSubstr("asking file://")));
  const auto refused = store->put(store::ObjectKey("clusters/main/1/packs/ab/abce.zst"), {});
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("is no walkback repository"));
  EXPECT_TRUE(std::filesystem::is_empty(path("repository")));
}

TEST_F(StoresTest, APlaceThatIsNotRequiredMayBeAway) {
  config_.second_repository_url = "file://" + directory_ + "/second";
  config_.second_repository_required = false;
  ASSERT_TRUE(open(Access::kBegin).value()->put(repo::marker_key(), as_bytes("{}")).ok());
  std::filesystem::rename(path("second"), path("second.away"));
  EXPECT_TRUE(open().value()->put(kPage, as_bytes("x")).ok());
  EXPECT_THAT(warnings_, testing::ElementsAre(HasSubstr("has to catch up later")));
}

TEST_F(StoresTest, AKeyThatOthersCanReadIsRefused) {
  encrypt();
  std::filesystem::permissions(path("host.key"), std::filesystem::perms(0644));
  EXPECT_THAT(refused().hint, HasSubstr("chmod"));
}

TEST_F(StoresTest, AnOwnersKeyThatOthersCanReadStopsNoArchiving) {
  encrypt();
  std::filesystem::permissions(path("owner.key"), std::filesystem::perms(0644));
  EXPECT_TRUE(open().value()->put(kPage, as_bytes("a page")).ok());
  EXPECT_THAT(refused(Access::kReadData).hint, HasSubstr("chmod"));
}

TEST_F(StoresTest, ARecipientThatDoesNotParseIsNamedByItsKey) {
  encrypt();
  config_.encryption_recipients.push_back("age1nonsense");
  EXPECT_THAT(refused().message, HasSubstr("encryption.recipients"));
}

}  // namespace
}  // namespace walkback::app
