// The published vectors of what age is made of, through our own functions.
#include <gtest/gtest.h>

#include <algorithm>
#include <new>

#include "crypto/base64.h"
#include "crypto/chacha20_poly1305.h"
#include "crypto/x25519.h"

namespace walkback::crypto {
namespace {

Bytes from_hex(std::string_view text) {
  Bytes bytes;
  for (size_t i = 0; i < text.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

Secret<32> secret_of(std::string_view hex) {
  Secret<32> secret;
  std::ranges::copy(from_hex(hex), secret.bytes().begin());
  return secret;
}

Point point_of(std::string_view hex) {
  Point point;
  std::ranges::copy(from_hex(hex), point.begin());
  return point;
}

TEST(X25519, AgreesWithRfc7748Section61) {
  const Secret<32> alice =
      secret_of("77076d0a7318a57d3c16c17251b26645df4cb92c7bf1c1f8ae7c1a4c3a4c1f2a");
  const Secret<32> bob =
      secret_of("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
  Secret<32> shared;
  ASSERT_TRUE(x25519_shared(alice, x25519_public(bob), shared));
  Secret<32> same;
  ASSERT_TRUE(x25519_shared(bob, x25519_public(alice), same));
  EXPECT_EQ(to_hex(shared.bytes()), to_hex(same.bytes()));
  EXPECT_EQ(to_hex(x25519_public(bob)),
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
}

TEST(X25519, AgreesWithRfc7748Section52) {
  Secret<32> result;
  ASSERT_TRUE(x25519_shared(
      secret_of("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
      point_of("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"), result));
  EXPECT_EQ(to_hex(result.bytes()),
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
}

TEST(X25519, APointOfLowOrderIsRefused) {
  const Secret<32> own =
      secret_of("77076d0a7318a57d3c16c17251b26645df4cb92c7bf1c1f8ae7c1a4c3a4c1f2a");
  Secret<32> shared;
  EXPECT_FALSE(x25519_shared(own, Point{}, shared));
  EXPECT_FALSE(x25519_shared(own, Point{std::byte{1}}, shared));
  EXPECT_FALSE(x25519_shared(
      own, point_of("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"), shared));
}

TEST(Hkdf, AgreesWithRfc5869) {
  const Secret<32> salted = hkdf_sha256(from_hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"),
                                        from_hex("000102030405060708090a0b0c"),
                                        "\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9");
  EXPECT_EQ(to_hex(salted.bytes()),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
  const Secret<32> plain =
      hkdf_sha256(from_hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"), {}, "");
  EXPECT_EQ(to_hex(plain.bytes()),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}

TEST(Hmac, AgreesWithRfc4231Case2) {
  EXPECT_EQ(to_hex(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

// RFC 8439 section A.5 has associated data, which age has not; this is OpenSSL's own answer for a
// case that `age -d` has opened (age_peer_test.cc), and keeps the layout: ciphertext, then tag.
TEST(ChaCha20Poly1305, OpensWhatItSealedAndNothingElse) {
  const Secret<32> key =
      secret_of("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
  ChaCha20Poly1305 seal(ChaCha20Poly1305::Direction::kSeal, key);
  ChaCha20Poly1305 open(ChaCha20Poly1305::Direction::kOpen, key);
  const Nonce nonce{std::byte{7}};
  for (const size_t size : {0, 1, 16, 100}) {
    const Bytes plaintext(size, std::byte{42});
    Bytes sealed(size + kTagBytes);
    seal.seal(nonce, plaintext, sealed);
    Bytes opened(size);
    EXPECT_TRUE(open.open(nonce, sealed, opened));
    EXPECT_EQ(opened, plaintext);
    EXPECT_FALSE(open.open(Nonce{std::byte{8}}, sealed, opened)) << "another nonce";
    EXPECT_EQ(opened, Bytes(size)) << "nothing unauthenticated is given out";
    for (std::byte& byte : sealed) {
      byte ^= std::byte{1};
      EXPECT_FALSE(open.open(nonce, sealed, opened));
      byte ^= std::byte{1};
    }
  }
}

TEST(Base64, AgreesWithRfc4648WithoutPadding) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : cases) {
    EXPECT_EQ(encode_base64(as_bytes(plain)), text);
    EXPECT_EQ(base64_size(plain.size()), text.size());
    ASSERT_TRUE(decode_base64(text).has_value()) << text;
    EXPECT_EQ(as_text(*decode_base64(text)), plain);
  }
  EXPECT_EQ(decode_base64("+/+/"), (Bytes{std::byte{0xfb}, std::byte{0xff}, std::byte{0xbf}}));
}

TEST(Base64, OneTextForEachValue) {
  for (const char* text :
       {"A", "Zm9vA", "Zg==", "Zh", "Zm9", "Z", "Zm9vY", "Zm 8", "Zm8\n", "Zm-_", "\xff\xff"}) {
    EXPECT_FALSE(decode_base64(text).has_value()) << text;
  }
}

TEST(Secret, IsWipedWhenItDies) {
  alignas(Secret<32>) std::array<std::byte, sizeof(Secret<32>)> memory;
  memory.fill(std::byte{1});
  auto* secret = new (memory.data()) Secret<32>;
  std::ranges::fill(secret->bytes(), std::byte{42});
  ASSERT_EQ(memory[31], std::byte{42});
  secret->~Secret<32>();
  EXPECT_TRUE(std::ranges::all_of(memory, [](std::byte byte) { return byte == std::byte{}; }));
}

TEST(Secret, TextIsWipedWhereItCameFromAndMovesWithoutACopy) {
  std::string source = "a secret key";
  SecretText text(std::move(source));
  // NOLINTNEXTLINE(bugprone-use-after-move): that nothing is left in it is what is tested.
  EXPECT_EQ(source.find("secret"), std::string::npos);
  const char* const where = text.view().data();
  const SecretText moved(std::move(text));
  EXPECT_EQ(moved.view(), "a secret key");
  EXPECT_EQ(moved.view().data(), where);
}

}  // namespace
}  // namespace walkback::crypto
