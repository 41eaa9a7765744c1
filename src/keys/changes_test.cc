// Adding, rotating and listing keys.
#include <sys/stat.h>

#include "crypto/decrypt.h"
#include "crypto/encrypt.h"
#include "keys/identities.h"
#include "keys/list_keys.h"
#include "keys/rotate_key.h"
#include "keys/testing/key_world.h"

namespace walkback::keys {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

class Changes : public KeyWorld {
 protected:
  Changes() { options_.recipients = {ada_.recipient()}; }

  void hold(const std::vector<crypto::Identity>& identities) {
    options_.identity_file = write_identities("owner.key", identities);
  }
  AddKeyReport add(const std::string& recipient, const std::string& label = "") {
    auto added = add_key({recipient, label}, env());
    EXPECT_TRUE(added.ok()) << added.error().message;
    return std::move(added).value();
  }
  // What is encrypted to `recipient` opens for whoever holds nothing but this file.
  bool reads(const std::string& identity_file, const crypto::Recipient& recipient,
             AskGpg ask = AskGpg::kNever) {
    Options other;
    other.identity_file = identity_file;
    other.user_id = geteuid();
    const LocalKeys local = load_local_keys(system_files(), other, OwnerFile::kRequired).value();
    const auto opened = open_identities(local, folder(), other, *store_, gpg_, ask).value().all();
    const Bytes sealed = crypto::encrypt(as_bytes("rows"), std::vector{recipient}, random_);
    return crypto::decrypt(sealed, opened, 100).ok();
  }
  HostKey make_host() {
    options_.host_key_file = path("host.key");
    return create_host_key(system_files(), random_, clock_, options_.host_key_file, "db1").value();
  }

  const crypto::Identity ada_ = identity(), bob_ = identity(), eve_ = identity();
};

// ---- add ----

TEST_F(Changes, TheFirstKeyOfARepositoryNeedsNoOther) {
  options_.recipients.clear();
  const AddKeyReport report = add(ada_.recipient().text(), "Ada");
  EXPECT_FALSE(report.was_there);
  EXPECT_THAT(report.does_not_open, IsEmpty());
  EXPECT_THAT(report.recipients, ElementsAre(ada_.recipient()));
  EXPECT_EQ(folder().find(ada_.recipient())->label, "Ada");
  EXPECT_EQ(folder().find(ada_.recipient())->added_at, clock_.now());
}

TEST_F(Changes, ANewKeyReadsEverythingOldWhenTheOldKeyIsAtHand) {
  hold({ada_});
  const AddKeyReport report = add(bob_.recipient().text());
  EXPECT_THAT(report.opens, ElementsAre(ada_.recipient()));
  EXPECT_THAT(report.does_not_open, IsEmpty());
  EXPECT_THAT(report.recipients, ElementsAre(ada_.recipient(), bob_.recipient()));
  EXPECT_TRUE(reads(write_identities("bob.key", {bob_}), ada_.recipient()));
}

TEST_F(Changes, WithoutTheOldKeyItReadsOnlyWhatComesAndSaysSo) {
  const AddKeyReport report = add(bob_.recipient().text());
  EXPECT_THAT(report.opens, IsEmpty());
  EXPECT_THAT(report.does_not_open, ElementsAre(ada_.recipient()));
  EXPECT_FALSE(reads(write_identities("bob.key", {bob_}), ada_.recipient()));
  // Again, where the key lies.
  hold({ada_});
  const AddKeyReport again = add(bob_.recipient().text());
  EXPECT_TRUE(again.was_there);
  EXPECT_THAT(again.opens, ElementsAre(ada_.recipient()));
  EXPECT_TRUE(reads(path("bob.key"), ada_.recipient()));
}

TEST_F(Changes, WhatAnOldKeyOpensTheNewOneOpensToo) {
  hold({ada_});
  add(bob_.recipient().text());
  options_.recipients = {bob_.recipient()};
  hold({bob_});
  const AddKeyReport report = add(eve_.recipient().text());
  EXPECT_THAT(report.opens, ::testing::UnorderedElementsAre(ada_.recipient(), bob_.recipient()));
  EXPECT_TRUE(reads(write_identities("eve.key", {eve_}), ada_.recipient()));
}

TEST_F(Changes, OnlyKeysOfThisRepositoryAreHandedOn) {
  hold({ada_, eve_});
  add(bob_.recipient().text());
  EXPECT_FALSE(reads(write_identities("bob.key", {bob_}), eve_.recipient()));
}

TEST_F(Changes, TheHostsKeyIsNotHandedOn) {
  const HostKey host = make_host();
  ASSERT_TRUE(record_host_key(*store_, clock_, host.identity.recipient(),
                              host.signing_key.verify_key(), "db1")
                  .ok());
  hold({ada_});
  add(bob_.recipient().text());
  EXPECT_FALSE(reads(write_identities("bob.key", {bob_}), host.identity.recipient()));
}

TEST_F(Changes, AWrapIsAnIdentityFileForStockAge) {
  hold({ada_});
  add(bob_.recipient().text());
  const store::ObjectKey wrap = wrap_object(key_id(ada_.recipient()), key_id(bob_.recipient()));
  write(path("wrap.age"), as_text(*store_->get(wrap).value()));
  write_identities("bob.key", {bob_});
  write(path("plain"), "48 rows");
  const std::string command = "cd " + directory_ + " && age -r " + ada_.recipient().text() +
                              " -o rows.age plain" +
                              " && age -d -i bob.key -o ada.key wrap.age"
                              " && age -d -i ada.key -o rows rows.age";
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(read(path("rows")), "48 rows");
}

TEST_F(Changes, AGpgKeyGetsAnAgeKeyThatExistsOnlyForIt) {
  hold({ada_});
  const AddKeyReport report = add("gpg:ada@example.org");
  const crypto::Recipient made = report.key.recipient;
  EXPECT_EQ(report.key.gpg, gpg_.fingerprint);
  EXPECT_EQ(report.key.label, "Ada <ada@example.org>");
  EXPECT_THAT(report.recipients, ElementsAre(ada_.recipient(), made));
  const std::string stored(as_text(*store_->get(gpg_wrap_object(key_id(made))).value()));
  EXPECT_THAT(stored, StartsWith("for " + gpg_.fingerprint));
  EXPECT_THAT(std::filesystem::directory_iterator(directory_)->path().filename(), "owner.key");
  options_.identity_file.clear();
  options_.recipients = {made};
  const OpenedKeys opened =
      open_identities({}, folder(), options_, *store_, gpg_, AskGpg::kIfNoOwnerKey).value();
  EXPECT_TRUE(opened.has(made));
  EXPECT_TRUE(opened.has(ada_.recipient())) << "and what was before";
}

TEST_F(Changes, AGpgKeyIsAddedOnceOnlyIfTheConfigurationNamesIt) {
  const crypto::Recipient first = add("gpg:ada@example.org").key.recipient;
  // A record says so too, but somebody else may have written it: it is not believed.
  EXPECT_NE(add("gpg:ada@example.org").key.recipient, first);
  options_.recipients.push_back(first);
  const AddKeyReport again = add("gpg:ada@example.org");
  EXPECT_EQ(again.key.recipient, first);
  EXPECT_TRUE(again.was_there);
}

TEST_F(Changes, AGpgKeyThatIsInUseHandsOnWhatItOpens) {
  options_.recipients = {add("gpg:ada@example.org").key.recipient};
  const AddKeyReport report = add(bob_.recipient().text());
  EXPECT_THAT(report.opens, ElementsAre(options_.recipients[0]));
}

TEST_F(Changes, AnUnknownGpgKeyChangesNothing) {
  EXPECT_EQ(add_key({"gpg:nobody", ""}, env()).error().kind, ErrorKind::kMissing);
  EXPECT_THAT(objects(), IsEmpty());
}

TEST_F(Changes, WhatIsNoRecipientIsRefusedWithoutItsText) {
  const std::string secret(ada_.text().view());
  for (const std::string& text :
       {secret, std::string("age1hunter2"), std::string("ssh-ed25519 A")}) {
    const auto added = add_key({text, ""}, env());
    ASSERT_FALSE(added.ok());
    EXPECT_THAT(added.error().message + added.error().hint, Not(HasSubstr(secret.substr(20))));
  }
  EXPECT_FALSE(add_key({bob_.recipient().text(), secret}, env()).ok()) << "as a label";
  EXPECT_THAT(objects(), IsEmpty());
}

TEST_F(Changes, AHostsKeyIsNoOwners) {
  ASSERT_TRUE(record_host_key(*store_, clock_, bob_.recipient(),
                              crypto::SigningKey::generate(random_).verify_key(), "db1")
                  .ok());
  EXPECT_THAT(add_key({bob_.recipient().text(), ""}, env()).error().message,
              HasSubstr("host's key"));
}

// ---- rotate ----

TEST_F(Changes, RotationMakesANewKeyThatReadsEverythingOld) {
  add(ada_.recipient().text());
  hold({ada_});
  const HostKey host = make_host();
  const RotateKeyReport report =
      rotate_key({.output = path("new.key"), .label = "2027"}, env()).value();
  EXPECT_EQ(report.retired, ada_.recipient());
  EXPECT_THAT(report.added.recipients, ElementsAre(report.added.key.recipient));
  EXPECT_THAT(report.added.opens, ElementsAre(ada_.recipient()));
  EXPECT_EQ(folder().find(ada_.recipient())->retired->successor, report.added.key.recipient);
  EXPECT_FALSE(folder().find(report.added.key.recipient)->retired);
  EXPECT_TRUE(reads(path("new.key"), ada_.recipient()));
  EXPECT_TRUE(reads(path("new.key"), report.added.key.recipient));
  EXPECT_THAT(read(path("new.key")), HasSubstr(host.signing_key.verify_key().text()));
  EXPECT_TRUE(std::filesystem::exists(path("owner.key"))) << "the old file stays";
}

TEST_F(Changes, AKeyAddedBeforeARotationWasFollowedSaysSo) {
  add(ada_.recipient().text());
  rotate_key({.recipient = bob_.recipient().text()}, env()).value();
  const AddKeyReport report = add(eve_.recipient().text());
  EXPECT_THAT(report.retired_in_use, ElementsAre(ada_.recipient()));
  options_.recipients = {bob_.recipient()};
  EXPECT_THAT(add(eve_.recipient().text()).retired_in_use, IsEmpty());
}

TEST_F(Changes, RotationTakesAKeyThatWasGiven) {
  hold({ada_});
  const auto report = rotate_key({.recipient = bob_.recipient().text()}, env()).value();
  EXPECT_EQ(report.file, "");
  EXPECT_THAT(report.added.recipients, ElementsAre(bob_.recipient()));
  EXPECT_TRUE(folder().find(ada_.recipient())->retired) << "also without a record";
}

TEST_F(Changes, RotationWithoutTheOldKeySaysWhatTheNewOneDoesNotRead) {
  const auto report = rotate_key({.recipient = bob_.recipient().text()}, env()).value();
  EXPECT_THAT(report.added.does_not_open, ElementsAre(ada_.recipient()));
}

TEST_F(Changes, OfSeveralKeysTheOneAtHandOrTheOneNamedGoes) {
  options_.recipients = {ada_.recipient(), bob_.recipient()};
  const auto unclear = rotate_key({.recipient = eve_.recipient().text()}, env());
  ASSERT_FALSE(unclear.ok());
  EXPECT_THAT(unclear.error().hint, HasSubstr("--retire RECIPIENT"));
  EXPECT_THAT(objects(), IsEmpty()) << "decided before anything is written";
  const auto stray = rotate_key(
      {.recipient = eve_.recipient().text(), .retire = identity().recipient().text()}, env());
  EXPECT_THAT(stray.error().message, HasSubstr("not in encryption.recipients"));
  const auto by_name = rotate_key(
      {.recipient = identity().recipient().text(), .retire = bob_.recipient().text()}, env());
  EXPECT_EQ(by_name.value().retired, bob_.recipient());
  hold({ada_});
  EXPECT_EQ(rotate_key({.recipient = eve_.recipient().text()}, env()).value().retired,
            ada_.recipient());
}

TEST_F(Changes, RotationIntoItselfOrIntoATakenFileChangesNothing) {
  EXPECT_THAT(rotate_key({.recipient = ada_.recipient().text()}, env()).error().message,
              HasSubstr("the new key is the old one"));
  write(path("taken"), "precious");
  EXPECT_EQ(rotate_key({.output = path("taken")}, env()).error().kind, ErrorKind::kConflict);
  EXPECT_EQ(read(path("taken")), "precious");
  EXPECT_THAT(objects(), IsEmpty());
}

TEST_F(Changes, ARetiredKeyIsNotTakenUpAgain) {
  rotate_key({.recipient = bob_.recipient().text()}, env()).value();
  options_.recipients = {bob_.recipient()};
  const auto again = add_key({ada_.recipient().text(), ""}, env());
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().kind, ErrorKind::kConflict);
}

TEST_F(Changes, AHostsNewKeyOpensTheOldOneAndTheOldFileStays) {
  const HostKey old = make_host();
  const auto report = rotate_host_key({.host = "db1"}, env()).value();
  EXPECT_EQ(report.file, path("host.key.2"));
  EXPECT_EQ(report.retired, old.identity.recipient());
  EXPECT_EQ(report.old_signer, old.signing_key.verify_key());
  struct stat status {};
  ASSERT_EQ(stat(report.file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
  const KeyFolder read = folder();
  EXPECT_EQ(read.find(report.key.identity.recipient())->verify,
            report.key.signing_key.verify_key());
  EXPECT_TRUE(read.find(old.identity.recipient())->retired);

  options_.host_key_file = report.file;
  const LocalKeys local = load_local_keys(system_files(), options_, OwnerFile::kIfThere).value();
  const OpenedKeys opened =
      open_identities(local, folder(), options_, *store_, gpg_, AskGpg::kNever).value();
  EXPECT_TRUE(opened.has(old.identity.recipient()));
  EXPECT_EQ(rotate_host_key({.host = "db1"}, env()).value().file, path("host.key.2.2"));
}

TEST_F(Changes, ALostHostKeyIsMadeAnew) {
  options_.host_key_file = path("host.key");
  const auto report = rotate_host_key({.host = "db1"}, env()).value();
  EXPECT_EQ(report.file, path("host.key"));
  EXPECT_FALSE(report.retired);
  EXPECT_TRUE(load_host_key(system_files(), path("host.key"), geteuid()).ok());
}

TEST_F(Changes, AHostKeyOfAnotherUserIsNotReplacedByOneItCannotRead) {
  make_host();
  options_.user_id += 1;
  const auto report = rotate_host_key({.host = "db1"}, env());
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().kind, ErrorKind::kDenied);
  EXPECT_THAT(report.error().hint, HasSubstr("sudo -u '#" + std::to_string(geteuid()) + "'"));
  EXPECT_FALSE(std::filesystem::exists(path("host.key.2")));
}

TEST_F(Changes, AHostWithoutAKeyHasNothingToReplace) {
  EXPECT_THAT(rotate_host_key({}, env()).error().message, HasSubstr("encryption.host_key_file"));
}

// ---- list ----

TEST_F(Changes, TheListHasEveryKeyAndWhatIsAtHand) {
  hold({ada_});
  add(bob_.recipient().text(), "Bob");
  const HostKey host = make_host();
  rotate_key({.recipient = eve_.recipient().text()}, env()).value();
  put("keys/" + key_id(identity().recipient()) + ".json", "{}");
  options_.recipients = {eve_.recipient()};

  const KeyList list = list_keys(env()).value();
  ASSERT_THAT(list.keys, SizeIs(4));
  const auto find = [&](const crypto::Recipient& recipient) -> const ListedKey& {
    for (const ListedKey& key : list.keys) {
      if (key.record.recipient == recipient) return key;
    }
    ADD_FAILURE();
    return list.keys[0];
  };
  EXPECT_TRUE(find(ada_.recipient()).at_hand);
  EXPECT_FALSE(find(ada_.recipient()).in_use);
  EXPECT_TRUE(find(ada_.recipient()).record.retired);
  EXPECT_EQ(find(bob_.recipient()).record.label, "Bob");
  EXPECT_FALSE(find(bob_.recipient()).in_use);
  EXPECT_FALSE(find(bob_.recipient()).at_hand);
  EXPECT_TRUE(find(eve_.recipient()).in_use);
  const ListedKey& of_host = find(host.identity.recipient());
  EXPECT_EQ(of_host.record.role, Role::kHost);
  EXPECT_EQ(&of_host, &list.keys.back());
  EXPECT_TRUE(of_host.in_use);
  EXPECT_FALSE(of_host.recorded);
  EXPECT_THAT(list.passed_over, SizeIs(1));
}

TEST_F(Changes, AListAsksNobodyForAPassphrase) {
  add("gpg:ada@example.org");
  gpg_.asked = 0;
  EXPECT_THAT(list_keys(env()).value().keys, SizeIs(2));
  EXPECT_EQ(gpg_.asked, 0);
}

// ---- secrets ----

TEST_F(Changes, NoObjectHoldsAPrivateKeyInPlain) {
  hold({ada_});
  make_host();
  add(bob_.recipient().text());
  rotate_key({.output = path("new.key"), .retire = ada_.recipient().text()}, env()).value();
  rotate_host_key({.host = "db1"}, env()).value();
  for (const std::string& name : objects()) {
    const std::string bytes(as_text(*store_->get(store::ObjectKey(name)).value()));
    EXPECT_THAT(bytes, Not(HasSubstr("SECRET-KEY-1"))) << name;
    EXPECT_THAT(bytes, Not(HasSubstr("SIGNING-KEY-1"))) << name;
  }
}

}  // namespace
}  // namespace walkback::keys
