#include "crypto/identity_file.h"

#include <gtest/gtest.h>

#include "crypto/test_keys.h"

namespace walkback::crypto {
namespace {

std::string key_line(uint64_t number) {
  return std::string(test_identity(number).text().view()) + "\n";
}

// "kind: message" of a text that is no key file.
std::string complaint(const std::string& text) {
  const Result<std::vector<Identity>> keys = parse_identity_file(text);
  if (keys.ok()) return "accepted";
  EXPECT_FALSE(keys.error().hint.empty());
  return std::string(error_kind_name(keys.error().kind)) + ": " + keys.error().message;
}

TEST(IdentityFile, AsAgeKeygenWritesIt) {
  const auto keys = parse_identity_file("# created: 2026-11-22T18:00:00Z\n# public key: " +
                                        test_identity(1).recipient().text() + "\n" + key_line(1));
  ASSERT_TRUE(keys.ok());
  ASSERT_EQ(keys->size(), 1U);
  EXPECT_EQ((*keys)[0].recipient(), test_identity(1).recipient());
}

TEST(IdentityFile, SeveralKeysWithCommentsAndEmptyLines) {
  std::string last = key_line(3);
  last.pop_back();  // a last line needs no end
  const auto keys = parse_identity_file("\n" + key_line(1) + "\n   # old\r\n" + key_line(2) +
                                        "\t\n\r\n  " + last);
  ASSERT_TRUE(keys.ok());
  ASSERT_EQ(keys->size(), 3U);
  for (uint64_t i = 0; i < 3; ++i) {
    EXPECT_EQ((*keys)[i].recipient(), test_identity(i + 1).recipient());
  }
}

TEST(IdentityFile, TheLineAtFaultIsNamedAndNotShown) {
  std::string broken = key_line(2);
  broken[40] = broken[40] == 'Q' ? 'P' : 'Q';
  const std::string said = complaint("# mine\n" + key_line(1) + broken);
  EXPECT_EQ(said, "invalid: line 3 of the key file: the key's checksum is wrong: it was mistyped");
  EXPECT_EQ(complaint(test_identity(1).recipient().text()),
            "invalid: line 1 of the key file: this is a recipient, the public half of a key");
  EXPECT_EQ(complaint(std::string("\0\0", 2)),
            "invalid: line 1 of the key file: the key does not begin with AGE-SECRET-KEY-1");
}

TEST(IdentityFile, WithoutAKeyIsNoKeyFile) {
  EXPECT_EQ(complaint(""), "invalid: the key file holds no key");
  EXPECT_EQ(complaint("# AGE-SECRET-KEY-1 was here\n\n"), "invalid: the key file holds no key");
}

TEST(IdentityFile, AnEncryptedOneIsToBeDecryptedFirst) {
  EXPECT_EQ(complaint("age-encryption.org/v1\n-> scrypt rF0/NwblUHHTpgQgRpe5CQ 10\n"),
            "unsupported: the key file is itself encrypted");
  EXPECT_EQ(complaint("-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n"),
            "unsupported: the key file is itself encrypted");
  EXPECT_NE(parse_identity_file("age-encryption.org/v1\n").error().hint.find("age -d"),
            std::string::npos);
}

TEST(IdentityFile, OtherKindsOfKeysAreNamed) {
  EXPECT_EQ(complaint("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n"),
            "unsupported: this is an SSH or PEM key, not an age key");
  EXPECT_EQ(complaint("ssh-ed25519 AAAAC3Nz me@here\n"),
            "unsupported: this is a public SSH key, not an age key");
  EXPECT_EQ(complaint("-----BEGIN PGP PRIVATE KEY BLOCK-----\n"),
            "unsupported: this is an OpenPGP key, not an age key");
  EXPECT_EQ(complaint("#       Serial: 10356416, Slot: 1\nAGE-PLUGIN-YUBIKEY-1XQQPQQPQQ\n"),
            "unsupported: line 2 of the key file: keys of age plugins are not supported");
}

}  // namespace
}  // namespace walkback::crypto
