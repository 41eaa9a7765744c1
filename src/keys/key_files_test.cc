// The two kinds of key files: the owner's and the host's.
#include "keys/custody.h"
#include "keys/local_keys.h"
#include "keys/testing/key_world.h"

namespace walkback::keys {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

class KeyFiles : public KeyWorld {
 protected:
  HostKey make_host() {
    options_.host_key_file = path("host.key");
    return create_host_key(system_files(), random_, clock_, options_.host_key_file, "db1").value();
  }
  crypto::Recipient make_owner(const std::vector<crypto::VerifyKey>& signers = {}) {
    options_.identity_file = path("owner.key");
    return create_identity_file(system_files(), random_, clock_, options_.identity_file, signers)
        .value();
  }
  LocalKeys local() {
    return load_local_keys(system_files(), options_, OwnerFile::kRequired).value();
  }
  bool age(const std::string& command) const {
    return std::system(("cd " + directory_ + " && " + command + " 2>/dev/null").c_str()) == 0;
  }
};

TEST_F(KeyFiles, TheHostsSaysWhatItCanReadAndHoldsBothKeys) {
  const HostKey made = make_host();
  const HostKey loaded = load_host_key(system_files(), path("host.key"), geteuid()).value();
  EXPECT_EQ(loaded.identity.recipient(), made.identity.recipient());
  EXPECT_EQ(loaded.signing_key.verify_key(), made.signing_key.verify_key());
  const std::string text = read(path("host.key"));
  EXPECT_THAT(text, StartsWith("# walkback: the key of the database host db1\n"
                               "# created: 2026-11-22T15:46:59Z\n"));
  EXPECT_THAT(text, HasSubstr("names, page maps and WAL indexes, but no table data"));
  EXPECT_THAT(text, HasSubstr(made.signing_key.verify_key().text()));
}

TEST_F(KeyFiles, TheHostsIsWholeOrRefusedByLineAndWithoutItsText) {
  const HostKey key = make_host();
  const std::string age_line(key.identity.text().view());
  const std::string signing_line(key.signing_key.text().view());
  const auto wrong = [&](const std::string& text) {
    const auto parsed = parse_host_key(text);
    EXPECT_FALSE(parsed.ok()) << text;
    if (parsed.ok()) return std::string();
    std::string all = parsed.error().message + " | " + parsed.error().hint;
    EXPECT_THAT(all, Not(HasSubstr(age_line.substr(20, 20))));
    EXPECT_THAT(all, Not(HasSubstr(signing_line.substr(25, 20))));
    return all;
  };
  EXPECT_TRUE(parse_host_key("# c\n\r\n  " + signing_line + "\r\n" + age_line).ok());
  EXPECT_THAT(wrong(""), HasSubstr("no age key"));
  EXPECT_THAT(wrong(age_line), HasSubstr("no signing key"));
  EXPECT_THAT(wrong(signing_line), HasSubstr("no age key"));
  EXPECT_THAT(wrong(age_line + "\n" + age_line),
              StartsWith("line 2 of the host key file: a second"));
  EXPECT_THAT(wrong(signing_line + "\n" + signing_line), HasSubstr("a second signing key"));
  EXPECT_THAT(wrong("#\n" + age_line.substr(0, 50) + "\n" + signing_line), StartsWith("line 2"));
  EXPECT_THAT(wrong(age_line + signing_line), StartsWith("line 1"));
  EXPECT_THAT(wrong(age_line + "\nhunter2"), StartsWith("line 2 of the host key file: this is no"));
}

// Written by version 1; they open for ever.
TEST_F(KeyFiles, ThoseOfTheFirstVersionOpen) {
  const std::string folder = WALKBACK_TESTDATA "/fuzz_host_key/";
  EXPECT_TRUE(parse_host_key(read(folder + "host.key")).ok());
  const auto owner = parse_identity_text(read(folder + "owner.key"));
  ASSERT_TRUE(owner.ok()) << owner.error().message;
  EXPECT_THAT(owner->signers, SizeIs(1));
}

TEST_F(KeyFiles, TheOwnersIsOneThatAgeTakes) {
  const crypto::Recipient owner = make_owner();
  write(path("plain"), "48 rows");
  ASSERT_TRUE(age("age -r " + owner.text() + " -o sealed plain"));
  ASSERT_TRUE(age("age -d -i owner.key -o opened sealed"));
  EXPECT_EQ(read(path("opened")), "48 rows");
  ASSERT_TRUE(age("age-keygen -y owner.key > public"));
  EXPECT_EQ(read(path("public")), owner.text() + "\n");
}

TEST_F(KeyFiles, TheOwnersIsOneThatAgeKeygenMade) {
  ASSERT_TRUE(age("age-keygen -o owner.key"));
  options_.identity_file = path("owner.key");
  EXPECT_THAT(local().owner->identities, SizeIs(1));
}

TEST_F(KeyFiles, TheOwnersNamesSigners) {
  const HostKey host = make_host();
  make_owner({host.signing_key.verify_key()});
  EXPECT_THAT(read(path("owner.key")),
              HasSubstr("\n# walkback-signer: " + host.signing_key.verify_key().text() + "\n"));
  EXPECT_THAT(local().owner->signers, ElementsAre(host.signing_key.verify_key()));
  const std::string key(identity().text().view());
  EXPECT_TRUE(parse_identity_text("#walkback-signers\n" + key).value().signers.empty());
  const auto wrong = parse_identity_text("# walkback-signer: walkback-verify1x\n" + key);
  ASSERT_FALSE(wrong.ok());
  EXPECT_THAT(wrong.error().message, StartsWith("line 1 of the key file"));
}

TEST_F(KeyFiles, TheHostsIsNotTakenForTheOwners) {
  make_host();
  options_.identity_file = options_.host_key_file;
  const auto loaded = load_local_keys(system_files(), options_, OwnerFile::kIfThere);
  ASSERT_FALSE(loaded.ok());
  EXPECT_THAT(loaded.error().message, HasSubstr("this is a host's key file"));
}

TEST_F(KeyFiles, TheOwnersMayBeAwayAndTheHostsNot) {
  options_.identity_file = path("away");
  EXPECT_FALSE(load_local_keys(system_files(), options_, OwnerFile::kIfThere).value().owner);
  const auto required = load_local_keys(system_files(), options_, OwnerFile::kRequired);
  ASSERT_FALSE(required.ok());
  EXPECT_EQ(required.error().kind, ErrorKind::kMissing);
  EXPECT_THAT(required.error().hint, HasSubstr("encryption.identity_file"));
  options_.host_key_file = path("lost");
  const auto lost = load_local_keys(system_files(), options_, OwnerFile::kIfThere);
  ASSERT_FALSE(lost.ok());
  EXPECT_THAT(lost.error().hint, HasSubstr("key rotate --host"));
}

TEST_F(KeyFiles, OpenPermissionsAreRefusedForBoth) {
  make_host();
  make_owner();
  chmod(options_.host_key_file.c_str(), 0640);
  EXPECT_EQ(load_local_keys(system_files(), options_, OwnerFile::kIfThere).error().kind,
            ErrorKind::kDenied);
  chmod(options_.host_key_file.c_str(), 0600);
  chmod(options_.identity_file.c_str(), 0644);
  EXPECT_EQ(load_local_keys(system_files(), options_, OwnerFile::kIfThere).error().kind,
            ErrorKind::kDenied);
}

TEST_F(KeyFiles, SignersAreThisHostsThoseOfTheConfigurationAndOfTheOwner) {
  const auto other = crypto::SigningKey::generate(random_).verify_key();
  const auto third = crypto::SigningKey::generate(random_).verify_key();
  const HostKey host = make_host();
  make_owner({third, host.signing_key.verify_key()});
  options_.trusted_signers = {other};
  EXPECT_THAT(trusted_signers(options_, local()),
              ElementsAre(host.signing_key.verify_key(), other, third));
  EXPECT_THAT(trusted_signers({}, {}), SizeIs(0));
}

TEST_F(KeyFiles, TheConfigurationsListsAreReadEntryByEntry) {
  const std::string a = identity().recipient().text();
  const std::string b = identity().recipient().text();
  EXPECT_THAT(read_recipients({a, b, a}).value(), SizeIs(2));
  EXPECT_THAT(read_recipients({a, "gpg:ABCD"}).error().hint,
              HasSubstr("walkback key add gpg:ABCD"));
  const std::string secret(identity().text().view());
  const Error error = read_recipients({a, secret}).error();
  EXPECT_THAT(error.message, StartsWith("encryption.recipients, entry 2: "));
  EXPECT_THAT(error.message + error.hint, Not(HasSubstr(secret.substr(20))));
  EXPECT_THAT(read_signers({a}).error().message,
              StartsWith("encryption.trusted_signers, entry 1: "));
}

TEST_F(KeyFiles, CustodyIsSaidLoudlyAndHoldsNoSecret) {
  const HostKey host = make_host();
  const crypto::Recipient owner = make_owner();
  const auto said = [](const Custody& custody) {
    std::string text;
    for (const std::string& line : custody_lines(custody)) text += line + "\n";
    return text;
  };
  const std::string file =
      said({owner, options_.identity_file, "", {host.signing_key.verify_key()}});
  EXPECT_THAT(file, HasSubstr("THE PRIVATE KEY lies in " + options_.identity_file));
  EXPECT_THAT(file, HasSubstr("NOTHING STORED FOR IT CAN BE RESTORED"));
  EXPECT_THAT(file, HasSubstr("on paper, in a password safe, on another host"));
  EXPECT_THAT(file, HasSubstr("shred -u " + options_.identity_file));
  EXPECT_THAT(file, HasSubstr(host.signing_key.verify_key().text()));
  EXPECT_THAT(said({owner, "", "ABCD", {}}), HasSubstr("gpg --export-secret-keys --armor ABCD"));
  EXPECT_THAT(said({owner, "", "", {}}), HasSubstr(owner.text() + " is with its owner alone"));
  for (const std::string& text : {file, said({owner, "", "ABCD", {}}), said({owner, "", "", {}})}) {
    EXPECT_THAT(text, Not(HasSubstr("SECRET-KEY-1Q")));
    EXPECT_THAT(text, HasSubstr("CAN BE RESTORED, BY ANYBODY"));
  }
}

}  // namespace
}  // namespace walkback::keys
