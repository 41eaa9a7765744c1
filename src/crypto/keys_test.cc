#include "crypto/keys.h"

#include <gtest/gtest.h>

#include "crypto/bech32.h"
#include "crypto/test_keys.h"

namespace walkback::crypto {
namespace {

// The examples of C2SP age.md, "The X25519 recipient type".
constexpr const char* kIdentity =
    "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
constexpr const char* kRecipient = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

std::string in_capitals(std::string text) {
  for (char& letter : text) letter = static_cast<char>(std::toupper(letter));
  return text;
}
std::string in_small_letters(std::string text) {
  for (char& letter : text) letter = static_cast<char>(std::tolower(letter));
  return text;
}

// What parsing says of a text that is no key: "kind: message".
template <typename Key>
std::string complaint(const std::string& text) {
  const Result<Key> key = Key::parse(text);
  if (key.ok()) return "accepted";
  EXPECT_FALSE(key.error().hint.empty() && key.error().message.empty());
  // A wrong key may be all but one letter of a right one: no error repeats it.
  if (text.size() > 20) {
    EXPECT_EQ((key.error().message + key.error().hint).find(text.substr(16, 8)), std::string::npos);
  }
  return std::string(error_kind_name(key.error().kind)) + ": " + key.error().message;
}
std::string recipient_complaint(const std::string& text) { return complaint<Recipient>(text); }
std::string identity_complaint(const std::string& text) { return complaint<Identity>(text); }

TEST(Keys, ReadTheSpecificationsExamples) {
  const Identity identity = Identity::parse(kIdentity).value();
  EXPECT_EQ(identity.text().view(), kIdentity);
  EXPECT_EQ(identity.recipient().text(), kRecipient);
  EXPECT_EQ(Recipient::parse(kRecipient).value(), identity.recipient());
}

TEST(Keys, EitherCaseIsTheSameKey) {
  EXPECT_EQ(Recipient::parse(in_capitals(kRecipient)).value().text(), kRecipient);
  EXPECT_EQ(Identity::parse(in_small_letters(kIdentity)).value().text().view(), kIdentity);
}

TEST(Keys, GeneratedOnesDifferAndSurviveTheirText) {
  const Identity first = test_identity(1);
  const Identity second = test_identity(2);
  EXPECT_NE(first.recipient(), second.recipient());
  const Identity again = Identity::parse(first.text().view()).value();
  EXPECT_EQ(again.recipient(), first.recipient());
  EXPECT_EQ(Recipient::parse(first.recipient().text()).value(), first.recipient());
}

TEST(Keys, EachWayToSpoilARecipientHasItsOwnMessage) {
  std::string mixed = kRecipient;
  mixed[10] = static_cast<char>(std::toupper(mixed[10]));
  EXPECT_EQ(recipient_complaint(mixed), "invalid: the key mixes capital and small letters");

  std::string mistyped = kRecipient;
  mistyped[30] = mistyped[30] == 'q' ? 'p' : 'q';
  EXPECT_EQ(recipient_complaint(mistyped), "invalid: the key's checksum is wrong: it was mistyped");

  EXPECT_EQ(recipient_complaint("bob1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"),
            "invalid: the key does not begin with age1");
  EXPECT_EQ(recipient_complaint(""), "invalid: the key does not begin with age1");
  EXPECT_EQ(recipient_complaint(std::string(kRecipient).substr(0, 61)),
            "invalid: the key has 61 characters where 62 belong");
  EXPECT_EQ(recipient_complaint(std::string(kRecipient) + "q"),
            "invalid: the key has 63 characters where 62 belong");

  std::string foreign = kRecipient;
  foreign[20] = '1';  // an l, to a careless eye
  EXPECT_EQ(recipient_complaint(foreign),
            "invalid: the key has a character that does not occur in keys, at place 21");
}

TEST(Keys, EachWayToSpoilAnIdentityHasItsOwnMessage) {
  std::string mixed = kIdentity;
  mixed[20] = static_cast<char>(std::tolower(mixed[20]));
  EXPECT_EQ(identity_complaint(mixed), "invalid: the key mixes capital and small letters");
  std::string mistyped = kIdentity;
  mistyped[30] = mistyped[30] == 'Q' ? 'P' : 'Q';
  EXPECT_EQ(identity_complaint(mistyped), "invalid: the key's checksum is wrong: it was mistyped");
  EXPECT_EQ(identity_complaint(std::string(kIdentity).substr(0, 70)),
            "invalid: the key has 70 characters where 74 belong");
  EXPECT_EQ(identity_complaint("hello"), "invalid: the key does not begin with AGE-SECRET-KEY-1");
}

TEST(Keys, AnyOneLetterChangedIsNoticed) {
  const std::string_view letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
  const std::string right = kRecipient;
  for (size_t place = 4; place < right.size(); ++place) {
    for (const char letter : letters) {
      std::string wrong = right;
      wrong[place] = letter;
      ASSERT_EQ(Recipient::parse(wrong).ok(), wrong == right) << wrong;
    }
  }
}

TEST(Keys, TheOtherHalfOfAKeyIsRecognized) {
  EXPECT_EQ(recipient_complaint(kIdentity), "invalid: this is a private key, not a recipient");
  EXPECT_EQ(identity_complaint(kRecipient),
            "invalid: this is a recipient, the public half of a key");
}

TEST(Keys, OtherKindsOfKeysAreUnsupportedByName) {
  EXPECT_EQ(recipient_complaint("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"),
            "unsupported: SSH keys cannot be recipients");
  // C2SP age.md, "The tagged recipient types".
  EXPECT_EQ(
      recipient_complaint("age1tag1qt8lw0ual6avlwmwatk888yqnmdamm7xfd0wak53ut6elz5c4swx2yqdj4e"),
      "unsupported: recipients of age plugins and post-quantum recipients are not supported");
  EXPECT_EQ(identity_complaint("AGE-PLUGIN-YUBIKEY-1QQPQQPQQPQQ"),
            "unsupported: keys of age plugins are not supported");
  EXPECT_EQ(identity_complaint(
                "AGE-SECRET-KEY-PQ-1XX76JRALNLXDMEW0CRK45QMCCH4X06SE84UN3VPM33W6HWDX0H3SK3ZQFR"),
            "unsupported: post-quantum age keys are not supported");
}

TEST(Keys, ARecipientOfLowOrderIsRefused) {
  EXPECT_EQ(recipient_complaint(encode_bech32("age", Point{})),
            "invalid: this recipient is no public key: anybody could decrypt");
}

// BIP 173's checksum once more, over letters that our encoder would not write.
std::string with_checksum(const std::string& prefix, const std::vector<uint32_t>& letters) {
  uint32_t state = 1;
  const auto add = [&](uint32_t value) {
    const uint32_t top = state >> 25;
    state = (state & 0x1ffffff) << 5 ^ value;
    for (const auto& [bit, generator] :
         {std::pair{1U, 0x3b6a57b2U}, std::pair{2U, 0x26508e6dU}, std::pair{4U, 0x1ea119faU},
          std::pair{8U, 0x3d4233ddU}, std::pair{16U, 0x2a1462b3U}}) {
      if ((top & bit) != 0) state ^= generator;
    }
  };
  const std::string alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
  std::string text = prefix + "1";
  for (const char letter : prefix) add(static_cast<uint32_t>(letter) >> 5);
  add(0);
  for (const char letter : prefix) add(static_cast<uint32_t>(letter) & 31);
  for (const uint32_t letter : letters) {
    add(letter);
    text += alphabet[letter];
  }
  for (int i = 0; i < 6; ++i) add(0);
  for (int i = 5; i >= 0; --i) text += alphabet[(state ^ 1) >> (5 * i) & 31];
  return text;
}

TEST(Bech32, BitsThatAnEncoderLeavesZeroMustBeZero) {
  // One byte takes two letters, ten bits: two are left over.
  Bytes byte(1);
  ASSERT_TRUE(decode_bech32("a", with_checksum("a", {31, 28}), byte).ok());
  EXPECT_EQ(byte[0], std::byte{255});
  for (const uint32_t left_over : {1U, 2U, 3U}) {
    const Result<void> decoded = decode_bech32("a", with_checksum("a", {31, 28 + left_over}), byte);
    ASSERT_FALSE(decoded.ok());
    EXPECT_EQ(decoded.error().message, "the key ends in bits that must be zero");
  }
}

}  // namespace
}  // namespace walkback::crypto
