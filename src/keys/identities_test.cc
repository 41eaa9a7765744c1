#include "keys/identities.h"

#include "crypto/encrypt.h"
#include "keys/testing/key_world.h"
#include "keys/wrap_key.h"

namespace walkback::keys {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Identities : public KeyWorld {
 protected:
  Identities() { options_.recipients = {ada_.recipient()}; }

  // `inner`, for whoever holds `outer`.
  void wrap(const crypto::Identity& inner, const crypto::Identity& outer) {
    ASSERT_TRUE(put_wrap(env(), inner, outer.recipient()).ok());
  }
  void hold(const std::vector<crypto::Identity>& identities) {
    options_.identity_file = write_identities("owner.key", identities);
  }
  Result<OpenedKeys> try_open(AskGpg ask = AskGpg::kNever) {
    const LocalKeys local = load_local_keys(system_files(), options_, OwnerFile::kRequired).value();
    return open_identities(local, folder(), options_, *store_, gpg_, ask);
  }
  OpenedKeys open(AskGpg ask = AskGpg::kNever) { return try_open(ask).value(); }
  void record(const crypto::Identity& key, Role role = Role::kOwner) {
    ASSERT_TRUE(put_key_record(*store_, {.recipient = key.recipient(), .role = role}).ok());
  }
  void put_gpg(const crypto::Identity& key) {
    ASSERT_TRUE(put_gpg_wrap(env(), key, {gpg_.fingerprint, ""}).ok());
  }
  std::string why() {
    const LocalKeys local = load_local_keys(system_files(), options_, OwnerFile::kRequired).value();
    const auto error = why_no_owner_key(open(), local, folder(), options_);
    return error ? error->message + " | " + error->hint : "";
  }

  const crypto::Identity ada_ = identity(), bob_ = identity(), eve_ = identity(), old_ = identity();
};

TEST_F(Identities, NothingIsAtHandWithoutFiles) {
  wrap(old_, ada_);
  EXPECT_THAT(open().keys, IsEmpty());
}

TEST_F(Identities, AKeyOpensOthersOverAnyNumberOfWraps) {
  wrap(old_, bob_);
  wrap(bob_, ada_);
  wrap(eve_, identity());
  hold({ada_});
  const OpenedKeys opened = open();
  EXPECT_THAT(opened.keys, SizeIs(3));
  EXPECT_TRUE(opened.has(old_.recipient()));
  EXPECT_FALSE(opened.has(eve_.recipient()));
  EXPECT_THAT(opened.problems, IsEmpty());
  EXPECT_EQ(opened.all().front().recipient(), ada_.recipient()) << "those of files first";
}

TEST_F(Identities, CirclesEnd) {
  wrap(ada_, bob_);
  wrap(bob_, ada_);
  wrap(old_, bob_);
  wrap(bob_, old_);
  hold({ada_});
  EXPECT_THAT(open().keys, SizeIs(3));
}

TEST_F(Identities, ADamagedWrapIsTriedOnceAndNamed) {
  hold({ada_});
  put(wrap_object(key_id(old_.recipient()), key_id(ada_.recipient())).text(), "junk");
  const auto other = std::vector{bob_.recipient()};
  put(wrap_object(key_id(eve_.recipient()), key_id(ada_.recipient())).text(),
      as_text(crypto::encrypt(as_bytes("x"), other, random_)));
  wrap(bob_, ada_);  // another round
  const OpenedKeys opened = open();
  EXPECT_THAT(opened.keys, SizeIs(2));
  ASSERT_THAT(opened.problems, SizeIs(2));
  EXPECT_THAT(opened.problems[0].message, HasSubstr("-for-"));
}

TEST_F(Identities, AWrapThatHoldsAnotherKeyThanItSaysGivesNone) {
  hold({ada_});
  const crypto::SecretText text = identity_text(eve_, clock_.now(), "x");
  const auto to_ada = std::vector{ada_.recipient()};
  put(wrap_object(key_id(old_.recipient()), key_id(ada_.recipient())).text(),
      as_text(crypto::encrypt(as_bytes(text.view()), to_ada, random_)));
  put(wrap_object(key_id(bob_.recipient()), key_id(ada_.recipient())).text(),
      as_text(crypto::encrypt(as_bytes("no key at all"), to_ada, random_)));
  const OpenedKeys opened = open();
  EXPECT_THAT(opened.keys, SizeIs(1));
  EXPECT_THAT(opened.problems, SizeIs(2));
}

TEST_F(Identities, ASignerInAWrapIsNotBelieved) {
  const auto evil = crypto::SigningKey::generate(random_).verify_key();
  const crypto::SecretText text = identity_text(old_, clock_.now(), "x", {evil});
  const auto to_ada = std::vector{ada_.recipient()};
  put(wrap_object(key_id(old_.recipient()), key_id(ada_.recipient())).text(),
      as_text(crypto::encrypt(as_bytes(text.view()), to_ada, random_)));
  hold({ada_});
  const LocalKeys local = load_local_keys(system_files(), options_, OwnerFile::kRequired).value();
  EXPECT_TRUE(open().has(old_.recipient()));
  EXPECT_THAT(trusted_signers(options_, local), IsEmpty());
}

TEST_F(Identities, OwnersAreThoseOfTheConfigurationAndOfTheFolder) {
  record(bob_);
  record(old_, Role::kHost);
  hold({eve_});
  EXPECT_FALSE(open().has_owner()) << "a key of something else";
  hold({old_});
  EXPECT_FALSE(open().has_owner()) << "a host's";
  hold({bob_});
  EXPECT_TRUE(open().has_owner());
  hold({ada_});
  EXPECT_TRUE(open().has_owner());
}

TEST_F(Identities, ThisHostsKeyIsNoOwnersWhateverTheFolderSays) {
  options_.host_key_file = path("host.key");
  const HostKey host =
      create_host_key(system_files(), random_, clock_, path("host.key"), "db1").value();
  record(host.identity);
  const OpenedKeys opened = open();
  ASSERT_THAT(opened.keys, SizeIs(1));
  EXPECT_TRUE(opened.keys[0].host);
  EXPECT_FALSE(opened.has_owner());
}

TEST_F(Identities, AHostsKeyOpensItsPredecessor) {
  options_.host_key_file = path("host.key");
  const HostKey host =
      create_host_key(system_files(), random_, clock_, path("host.key"), "db1").value();
  wrap(old_, host.identity);
  EXPECT_TRUE(open().has(old_.recipient()));
}

TEST_F(Identities, GpgIsAskedOnlyWhenSaid) {
  put_gpg(ada_);
  EXPECT_THAT(open(AskGpg::kNever).keys, IsEmpty());
  EXPECT_EQ(gpg_.asked, 0);
  EXPECT_TRUE(open(AskGpg::kIfNoOwnerKey).has(ada_.recipient()));
  EXPECT_EQ(gpg_.asked, 1);
}

TEST_F(Identities, GpgIsNotAskedWhenAFileWillDo) {
  put_gpg(ada_);
  record(bob_);
  hold({bob_});
  EXPECT_FALSE(open(AskGpg::kIfNoOwnerKey).has(ada_.recipient()));
  EXPECT_EQ(gpg_.asked, 0);
  EXPECT_TRUE(open(AskGpg::kForAll).has(ada_.recipient()));
}

TEST_F(Identities, WhatGpgOpensOpensOthers) {
  put_gpg(ada_);
  wrap(old_, ada_);
  EXPECT_TRUE(open(AskGpg::kIfNoOwnerKey).has(old_.recipient()));
}

TEST_F(Identities, TheConfigurationsKeyIsAskedForFirst) {
  for (int i = 0; i < 30; ++i) put_gpg(identity());
  put_gpg(ada_);
  EXPECT_TRUE(open(AskGpg::kIfNoOwnerKey).has(ada_.recipient()));
  EXPECT_EQ(gpg_.asked, 1);
}

TEST_F(Identities, AFloodOfKeysAsksForAFewPassphrases) {
  options_.recipients.clear();
  for (int i = 0; i < 100; ++i) put_gpg(identity());
  gpg_.failure = make_error(ErrorKind::kMissing, "gpg has no secret key");
  EXPECT_FALSE(try_open(AskGpg::kIfNoOwnerKey).ok());
  EXPECT_EQ(gpg_.asked, 16);
}

TEST_F(Identities, WhenThereWasOnlyGpgItsErrorIsTheAnswer) {
  put_gpg(ada_);
  gpg_.failure = make_error(ErrorKind::kCancelled, "not given the passphrase", "enter it");
  const auto opened = try_open(AskGpg::kIfNoOwnerKey);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().message, "not given the passphrase");
  EXPECT_THAT(open(AskGpg::kForAll).problems, SizeIs(1)) << "who wants all takes what there is";
}

TEST_F(Identities, AKeyThatIsNotOfThisRepositoryIsNamed) {
  ASSERT_TRUE(put_key_record(*store_, {.recipient = bob_.recipient(), .label = "Bob, safe"}).ok());
  EXPECT_THAT(why(), HasSubstr("no private key of this repository's owners is at hand"));
  EXPECT_THAT(why(), HasSubstr("Bob, safe (" + bob_.recipient().text() + ")"));
  hold({eve_});
  EXPECT_THAT(why(), HasSubstr(eve_.recipient().text() + ", is not one of this repository's"));
  EXPECT_THAT(why(), HasSubstr(ada_.recipient().text())) << "of the configuration";
  hold({bob_});
  EXPECT_EQ(why(), "");
}

}  // namespace
}  // namespace walkback::keys
