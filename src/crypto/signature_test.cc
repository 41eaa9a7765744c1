#include "crypto/signature.h"

#include <gtest/gtest.h>

#include "base/testing/seeded_random.h"
#include "crypto/bech32.h"
#include "crypto/test_keys.h"

namespace walkback::crypto {
namespace {

SigningKey key_of(uint64_t seed) {
  SeededRandom random(seed);
  return SigningKey::generate(random);
}

Bytes from_hex(std::string_view text) {
  Bytes bytes;
  for (size_t i = 0; i < text.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

SigningKey signing_key(std::string_view hex) {
  return SigningKey::parse(encode_bech32("WALKBACK-SIGNING-KEY-", from_hex(hex))).value();
}

TEST(Signature, AgreesWithRfc8032Section71) {
  const SigningKey first =
      signing_key("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
  EXPECT_EQ(
      to_hex(first.sign({})),
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e397"
      "01cf9b46bd25bf5f0595bbe24655141438e7a100b");
  EXPECT_TRUE(first.verify_key().verify({}, first.sign({})));
  const SigningKey third =
      signing_key("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7");
  EXPECT_EQ(
      to_hex(third.sign(from_hex("af82"))),
      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f76"
      "0984dc6594a7c15e9716ed28dc027beceea1ec40a");
  EXPECT_EQ(third.verify_key().text(),
            encode_bech32("walkback-verify", from_hex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba33"
                                                      "03ac5deb911548908025")));
}

TEST(Signature, VerifiesWhatWasSignedAndNothingElse) {
  const SigningKey key = key_of(1);
  const Bytes message = test_bytes(1'000);
  const Signature signature = key.sign(message);
  EXPECT_TRUE(key.verify_key().verify(message, signature));
  EXPECT_FALSE(key_of(2).verify_key().verify(message, signature)) << "somebody else's key";
  EXPECT_FALSE(key.verify_key().verify(ByteView(message).first(999), signature));
  EXPECT_FALSE(key.verify_key().verify({}, signature));
  for (size_t i = 0; i < signature.size(); ++i) {
    Signature wrong = signature;
    wrong[i] ^= std::byte{1};
    EXPECT_FALSE(key.verify_key().verify(message, wrong)) << i;
  }
  for (const size_t size : {0, 63}) {
    EXPECT_FALSE(key.verify_key().verify(message, ByteView(signature).first(size)));
  }
  Bytes longer = to_bytes(signature);
  longer.push_back({});
  EXPECT_FALSE(key.verify_key().verify(message, longer));
}

TEST(SigningKeys, SurviveTheirText) {
  const SigningKey key = key_of(1);
  EXPECT_TRUE(key.text().view().starts_with("WALKBACK-SIGNING-KEY-1"));
  EXPECT_TRUE(key.verify_key().text().starts_with("walkback-verify1"));
  EXPECT_EQ(SigningKey::parse(key.text().view()).value().verify_key(), key.verify_key());
  EXPECT_EQ(VerifyKey::parse(key.verify_key().text()).value(), key.verify_key());
  EXPECT_NE(key_of(2).verify_key(), key.verify_key());
}

TEST(SigningKeys, WhatIsNoKeySaysWhy) {
  const SigningKey key = key_of(1);
  EXPECT_EQ(VerifyKey::parse(key.text().view()).error().message,
            "this is a private signing key, not a verify key");
  EXPECT_EQ(SigningKey::parse(key.verify_key().text()).error().message,
            "this is a verify key, the public half");
  EXPECT_EQ(SigningKey::parse(test_identity(1).text().view()).error().message,
            "the key does not begin with WALKBACK-SIGNING-KEY-1");
  std::string mistyped = key.verify_key().text();
  mistyped.back() = mistyped.back() == 'q' ? 'p' : 'q';
  EXPECT_EQ(VerifyKey::parse(mistyped).error().message,
            "the key's checksum is wrong: it was mistyped");
  EXPECT_EQ(VerifyKey::parse(mistyped).error().kind, ErrorKind::kInvalid);
}

}  // namespace
}  // namespace walkback::crypto
