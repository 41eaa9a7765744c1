// Whose keys a repository begins with.
#include "setup/initial_keys.h"

#include "keys/add_key.h"
#include "keys/host_key.h"
#include "keys/identity_file.h"
#include "keys/testing/key_world.h"

namespace walkback::setup {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class InitialKeysTest : public keys::KeyWorld {
 protected:
  void SetUp() override {
    options_.host_key_file = path("host.key");
    options_.identity_file = path("owner.key");
  }
  Result<InitialKeys> make(std::vector<std::string> recipients = {}, bool is_new = true) {
    return make_initial_keys({std::move(recipients), is_new, "db1"}, env());
  }
  // As a configuration says it after `init`.
  void configure(const InitialKeys& made) { options_.recipients = made.options.recipients; }
};

TEST_F(InitialKeysTest, ByDefaultTheOwnerGetsAKeyInAFile) {
  const InitialKeys made = make().value();
  const auto owner = keys::load_identity_file(system_files(), path("owner.key"), geteuid()).value();
  const auto host = keys::load_host_key(system_files(), path("host.key"), geteuid()).value();
  ASSERT_THAT(made.options.recipients, SizeIs(1));
  EXPECT_EQ(owner.identities.at(0).recipient(), made.options.recipients[0]);
  EXPECT_EQ(owner.signers.at(0), host.signing_key.verify_key());
  EXPECT_EQ(made.owner_file, path("owner.key"));
  ASSERT_THAT(made.custody, SizeIs(1));
  EXPECT_EQ(made.custody[0].file, path("owner.key"));
  ASSERT_THAT(folder().records, SizeIs(2));
  EXPECT_NE(folder().find(host.identity.recipient()), nullptr);
}

TEST_F(InitialKeysTest, AnInterruptedTryIsContinuedWithItsKeys) {
  const InitialKeys first = make().value();
  const InitialKeys second = make().value();
  EXPECT_EQ(second.options.recipients, first.options.recipients);
  EXPECT_EQ(second.custody[0].file, path("owner.key"));
  EXPECT_THAT(folder().records, SizeIs(2));
}

TEST_F(InitialKeysTest, GivenRecipientsLeaveNoPrivateKeyHere) {
  const std::string ada = identity().recipient().text(), bob = identity().recipient().text();
  const InitialKeys made = make({ada, bob, ada}).value();
  ASSERT_THAT(made.options.recipients, SizeIs(2));
  EXPECT_EQ(made.options.recipients[1].text(), bob);
  EXPECT_FALSE(std::filesystem::exists(path("owner.key")));
  EXPECT_EQ(made.owner_file, "");
  EXPECT_EQ(made.custody[0].file, "");
}

TEST_F(InitialKeysTest, AGpgKeyHoldsTheOnlyPrivateKey) {
  const InitialKeys made = make({"gpg:ada@example.org"}).value();
  ASSERT_THAT(made.options.recipients, SizeIs(1));
  EXPECT_EQ(made.custody.at(0).gpg_fingerprint, gpg_.fingerprint);
  EXPECT_THAT(folder().gpg_wraps, SizeIs(1));
  configure(made);
  const InitialKeys again = make({"gpg:ada@example.org"}, false).value();
  EXPECT_EQ(again.options.recipients, made.options.recipients);
  EXPECT_THAT(folder().gpg_wraps, SizeIs(1));
}

TEST_F(InitialKeysTest, WhatTheConfigurationSaysIsOnlyRepeated) {
  configure(make().value());
  const std::string other = identity().recipient().text();
  const auto refused = make({other}, false);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(refused.error().hint, HasSubstr("key add"));
  EXPECT_TRUE(make({options_.recipients[0].text()}, false).ok());
}

TEST_F(InitialKeysTest, AKeyThatIsElsewhereIsNotSaidAgain) {
  configure(make().value());
  EXPECT_THAT(make({}, false).value().custody, SizeIs(1)) << "it still lies on this host";
  std::filesystem::remove(path("owner.key"));
  EXPECT_THAT(make({}, false).value().custody, SizeIs(0));
  EXPECT_FALSE(std::filesystem::exists(path("owner.key"))) << "and no other is made";
}

TEST_F(InitialKeysTest, ARepositoryThatIsThereHasOwners) {
  const InitialKeys first = make().value();
  std::filesystem::remove_all(path("host.key"));
  std::filesystem::remove_all(path("owner.key"));
  const auto refused = make({}, false);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(refused.error().hint, HasSubstr("--recipient " + first.options.recipients[0].text()));
  EXPECT_FALSE(std::filesystem::exists(path("host.key"))) << "nothing was made";
  EXPECT_TRUE(make({first.options.recipients[0].text()}, false).ok());
}

TEST_F(InitialKeysTest, AKeyOfAConfigurationThatCameFirstIsWrittenDown) {
  options_.recipients = {identity().recipient()};
  const InitialKeys made = make().value();
  EXPECT_THAT(made.custody, SizeIs(1));
  EXPECT_NE(folder().find(options_.recipients[0]), nullptr);
}

TEST_F(InitialKeysTest, AFileThatOthersCanReadIsNoKey) {
  (void)make().value();
  std::filesystem::permissions(path("owner.key"), std::filesystem::perms(0644));
  EXPECT_EQ(make().error().kind, ErrorKind::kDenied);
}

}  // namespace
}  // namespace walkback::setup
