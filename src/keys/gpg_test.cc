// Against the gpg of this host.
#include "crypto/encrypt.h"
#include "keys/add_key.h"
#include "keys/identities.h"
#include "keys/testing/gpg_home.h"
#include "keys/testing/key_world.h"

namespace walkback::keys {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// The keys, made once: some are in the keyring `home`, one pair's secret half is elsewhere.
struct Keyring {
  GpgHome home, elsewhere;
  std::string ada, twin_1, twin_2, signer, expired, revoked, disabled, stranger, locked;

  Keyring() {
    ada = home.make_key("Ada <ada@example.org>");
    twin_1 = home.make_key("Twin One <twin@example.org>");
    twin_2 = home.make_key("Twin Two <twin@example.org>");
    signer = home.make_key("Signer <signer@example.org>", "ed25519/sign", "--passphrase ''");
    expired = home.make_key("Old <old@example.org>", "future-default",
                            "--faked-system-time 20200101T000000 --passphrase ''", "30d");
    revoked = home.make_key("Gone <gone@example.org>");
    home.run("sed s/^:-----BEGIN/-----BEGIN/ openpgp-revocs.d/" + revoked +
             ".rev | gpg --batch --import");
    disabled = home.make_key("Off <off@example.org>");
    home.run("printf 'disable\\nsave\\n' | gpg --batch --command-fd 0 --edit-key " + disabled);
    stranger = elsewhere.make_key("Stranger <stranger@example.org>");
    const std::string exported = elsewhere.run("gpg --armor --export " + stranger);
    std::ofstream(home.path() + "/stranger.asc") << exported;
    home.run("gpg --batch --import stranger.asc");
    locked =
        home.make_key("Locked <locked@example.org>", "future-default", "--passphrase open-sesame");
  }
};

class RealGpg : public KeyWorld {
 protected:
  static void SetUpTestSuite() { ring_ = new Keyring; }
  static void TearDownTestSuite() {
    delete ring_;
    ring_ = nullptr;
  }
  std::string wrong(const std::string& name) {
    const auto found = real_->find(name);
    EXPECT_FALSE(found.ok()) << name;
    return found.ok() ? "" : found.error().message + " | " + found.error().hint;
  }
  std::string encrypt_to(const std::string& fingerprint) {
    return real_->encrypt({fingerprint, ""}, "48 rows").value();
  }
  Error undecryptable(std::string_view message) {
    const auto plain = real_->decrypt(as_bytes(message), "keys/x.gpg");
    EXPECT_FALSE(plain.ok());
    return plain.ok() ? Error{} : plain.error();
  }
  KeyEnv real_env() { return {system_files(), *store_, *real_, clock_, random_, options_}; }

  static Keyring* ring_;
  std::unique_ptr<OpenPgp> real_ = make_gpg({.home_directory = ring_->home.path()});
};
Keyring* RealGpg::ring_ = nullptr;

// ---- which key ----

TEST_F(RealGpg, AKeyIsFoundByFingerprintLongIdOrAddress) {
  const std::string& fpr = ring_->ada;
  for (const std::string& name : {fpr, "0x" + fpr, fpr.substr(24), std::string("ada@example.org"),
                                  fpr.substr(0, 4) + " " + fpr.substr(4)}) {
    const auto found = real_->find(name);
    ASSERT_TRUE(found.ok()) << name << found.error().message;
    EXPECT_EQ(found->fingerprint, fpr);
    EXPECT_EQ(found->user_id, "Ada <ada@example.org>");
  }
}

TEST_F(RealGpg, EachReasonWhyNotHasItsOwnMessage) {
  EXPECT_THAT(wrong("nobody@example.org"), HasSubstr("gpg has no public key nobody@example.org"));
  EXPECT_THAT(wrong(std::string(40, 'A')), HasSubstr("gpg --import"));
  EXPECT_THAT(wrong("twin@example.org"),
              AllOf(StartsWith("2 OpenPGP keys fit"), HasSubstr(ring_->twin_1),
                    HasSubstr(ring_->twin_2), HasSubstr("gpg:FINGERPRINT")));
  EXPECT_THAT(wrong(ring_->revoked), HasSubstr("is revoked"));
  EXPECT_THAT(wrong(ring_->expired), HasSubstr("gpg --quick-set-expire " + ring_->expired));
  EXPECT_THAT(wrong(ring_->disabled), HasSubstr("is disabled"));
  EXPECT_THAT(wrong("signer@example.org"), HasSubstr("no encryption subkey"));
  EXPECT_THAT(wrong("stranger@example.org"), HasSubstr("compare the fingerprint"));
  EXPECT_THAT(wrong(ring_->ada.substr(32)), HasSubstr("too short to name a key safely"));
  for (const char* name : {"", "--version", "a\nb"}) {
    EXPECT_THAT(wrong(name), HasSubstr("stands no key of GnuPG")) << name;
  }
}

TEST_F(RealGpg, AFingerprintNeedsNoWebOfTrust) { EXPECT_TRUE(real_->find(ring_->stranger).ok()); }

TEST_F(RealGpg, WithoutGpgOnThisHostThatIsTheMessage) {
  const auto found = make_gpg({.program = "/nonexistent/gpg"})->find("ada@example.org");
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().kind, ErrorKind::kMissing);
  EXPECT_THAT(found.error().hint, HasSubstr("apt-get install gnupg"));
}

// ---- both ways ----

TEST_F(RealGpg, ReadsWhatWeWroteAndWeReadWhatItWrote) {
  const std::string sealed = encrypt_to(ring_->ada);
  EXPECT_THAT(sealed, StartsWith("-----BEGIN PGP MESSAGE-----"));
  std::ofstream(path("sealed")) << sealed;
  EXPECT_EQ(ring_->home.run("gpg -d " + path("sealed")), "48 rows");
  EXPECT_EQ(real_->decrypt(as_bytes(sealed), "x").value().view(), "48 rows");
  const std::string binary = ring_->home.run("echo more rows | gpg -e -r " + ring_->ada);
  EXPECT_EQ(real_->decrypt(as_bytes(binary), "x").value().view(), "more rows\n");
}

TEST_F(RealGpg, ADefaultKeyInItsConfigurationDoesNotGetTheSecretToo) {
  std::ofstream(ring_->home.path() + "/gpg.conf") << "encrypt-to " << ring_->twin_1 << "\n";
  std::ofstream(path("sealed")) << encrypt_to(ring_->ada);
  std::filesystem::remove(ring_->home.path() + "/gpg.conf");
  const std::string packets = ring_->home.run("gpg --list-packets " + path("sealed"));
  const size_t first = packets.find(":pubkey enc packet:");
  EXPECT_NE(first, std::string::npos);
  EXPECT_EQ(packets.find(":pubkey enc packet:", first + 1), std::string::npos) << packets;
}

TEST_F(RealGpg, ItIsEncryptedToTheKeyThatWasFoundAndStillUsable) {
  EXPECT_FALSE(real_->encrypt({ring_->revoked, ""}, "x").ok());
  EXPECT_FALSE(real_->encrypt({std::string(40, 'A'), ""}, "x").ok());
}

// What docs/format promises to whoever has nothing but gpg and age.
TEST_F(RealGpg, WithGpgAndAgeAloneAnObjectOpens) {
  const AddKeyReport report = add_key({"gpg:" + ring_->ada, ""}, real_env()).value();
  const crypto::Recipient made = report.key.recipient;
  write(path("key.gpg"), as_text(*store_->get(gpg_wrap_object(key_id(made))).value()));
  write(path("rows.age"),
        as_text(crypto::encrypt(as_bytes("48 rows"), std::vector{made}, random_)));
  const std::string in = "cd " + directory_ + " && ";
  ring_->home.run(in + "gpg -d key.gpg > key.txt");
  EXPECT_EQ(ring_->home.run(in + "age -d -i key.txt rows.age"), "48 rows");
  EXPECT_EQ(ring_->home.run(in + "age-keygen -y key.txt"), made.text() + "\n");
}

// ---- what goes wrong with the secret key ----

TEST_F(RealGpg, WithoutTheSecretKeyThatIsTheMessage) {
  const Error error = undecryptable(encrypt_to(ring_->stranger));
  EXPECT_EQ(error.kind, ErrorKind::kMissing);
  EXPECT_THAT(error.message, HasSubstr("no secret key that opens keys/x.gpg"));
}

TEST_F(RealGpg, APassphraseIsAskedFor) {
  ring_->home.pinentry_says("open-sesame");
  EXPECT_EQ(real_->decrypt(as_bytes(encrypt_to(ring_->locked)), "x").value().view(), "48 rows");
}

TEST_F(RealGpg, AWrongPassphraseACancelledOneAndNobodyToAskAreToldApart) {
  const std::string sealed = encrypt_to(ring_->locked);
  ring_->home.pinentry_says("cancel");
  const Error cancelled = undecryptable(sealed);
  EXPECT_EQ(cancelled.kind, ErrorKind::kCancelled) << cancelled.message;
  ring_->home.pinentry_says("open-potato");
  const Error wrong = undecryptable(sealed);
  EXPECT_EQ(wrong.kind, ErrorKind::kDenied);
  EXPECT_THAT(wrong.message, StartsWith("wrong passphrase")) << wrong.message;
  const std::string pinentry = ring_->home.path() + "/pinentry";
  std::filesystem::rename(pinentry, pinentry + ".away");
  const Error nobody = undecryptable(sealed);
  std::filesystem::rename(pinentry + ".away", pinentry);
  EXPECT_EQ(nobody.kind, ErrorKind::kDenied);
  EXPECT_THAT(nobody.hint, HasSubstr("GPG_TTY")) << nobody.message;
  for (const Error& error : {cancelled, wrong, nobody}) {
    EXPECT_THAT(error.message + error.hint, Not(HasSubstr("open-")));
  }
}

TEST_F(RealGpg, WhatIsNoMessageOrADamagedOneIsCorrupt) {
  EXPECT_EQ(undecryptable("no message at all").kind, ErrorKind::kCorrupt);
  EXPECT_EQ(undecryptable("").kind, ErrorKind::kCorrupt);
  std::string binary = ring_->home.run("echo rows | gpg -e -r " + ring_->ada);
  binary[binary.size() - 5] = static_cast<char>(binary[binary.size() - 5] ^ 1);
  EXPECT_EQ(undecryptable(binary).kind, ErrorKind::kCorrupt);
}

TEST_F(RealGpg, WhatDecryptsToMoreThanAKeyIsStopped) {
  const std::string bomb = ring_->home.run("head -c 10000000 /dev/zero | gpg -e -r " + ring_->ada);
  const Error error = undecryptable(bomb);
  EXPECT_EQ(error.kind, ErrorKind::kCorrupt) << error.message;
}

// ---- a whole repository ----

TEST_F(RealGpg, AnOwnerWithNothingButAGpgKeyReadsEverything) {
  const crypto::Identity first = identity();
  options_.recipients = {first.recipient()};
  options_.identity_file = write_identities("first.key", {first});
  const crypto::Recipient made =
      add_key({"gpg:ada@example.org", ""}, real_env()).value().key.recipient;
  Options bare;  // a bare machine: the repository and gpg
  bare.user_id = geteuid();
  const OpenedKeys opened =
      open_identities({}, folder(), bare, *store_, *real_, AskGpg::kIfNoOwnerKey).value();
  EXPECT_TRUE(opened.has(made));
  EXPECT_TRUE(opened.has(first.recipient()));
}

}  // namespace
}  // namespace walkback::keys
