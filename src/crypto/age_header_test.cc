#include "crypto/age_header.h"

#include <gtest/gtest.h>

#include "crypto/decrypt.h"
#include "crypto/encrypt.h"
#include "crypto/test_keys.h"

namespace walkback::crypto {
namespace {

Bytes file_for(const std::vector<Identity>& identities) {
  SeededRandom random(1);
  return encrypt(as_bytes("hello"), recipients_of(identities), random);
}

std::string complaint(std::string_view start) {
  const Result<std::optional<Header>> header = Header::parse(as_bytes(start));
  if (!header.ok()) {
    return std::string(error_kind_name(header.error().kind)) + ": " + header.error().message;
  }
  return header->has_value() ? "accepted" : "more is needed";
}

TEST(Header, SaysWhetherMoreOfTheFileIsNeeded) {
  for (const uint64_t recipients : {1, 3}) {
    const Bytes file = file_for(test_identities(recipients));
    for (size_t size = 0; size <= file.size(); ++size) {
      const Result<std::optional<Header>> header = Header::parse(ByteView(file).first(size));
      ASSERT_TRUE(header.ok()) << size;
      ASSERT_EQ(header->has_value(), size >= payload_start(recipients)) << size;
      if (header->has_value()) {
        ASSERT_EQ((*header)->payload_start(), payload_start(recipients));
      }
    }
  }
}

TEST(Header, ANewOneIsAsTheSpecificationShowsIt) {
  SeededRandom random(1);
  const auto recipients = recipients_of(test_identities(2));
  const Bytes made = make_header(recipients, random).bytes;
  const std::string_view text = as_text(made);
  EXPECT_TRUE(text.starts_with("age-encryption.org/v1\n-> X25519 "));
  EXPECT_EQ(text.substr(22 + 2 * 98, 4), "--- ");
  EXPECT_EQ(text[22 + 2 * 98 + 47], '\n');
}

TEST(Header, NeitherKeysNorNoncesAreUsedTwice) {
  SeededRandom random(1);
  const auto recipients = recipients_of(test_identities(1));
  const NewHeader first = make_header(recipients, random);
  const NewHeader second = make_header(recipients, random);
  EXPECT_NE(as_text(first.bytes).substr(32, 43), as_text(second.bytes).substr(32, 43));
  EXPECT_NE(as_text(first.bytes).substr(168), as_text(second.bytes).substr(168));
  EXPECT_NE(to_hex(first.payload_key.key.bytes()), to_hex(second.payload_key.key.bytes()));
}

TEST(Header, AnyOfItsKeysOpensIt) {
  const std::vector<Identity> identities = test_identities(3);
  const Bytes file = file_for(identities);
  const Header header = Header::parse(file).value().value();
  const std::string key = to_hex(header.unwrap(identities).value().key.bytes());
  for (const Identity& identity : identities) {
    EXPECT_EQ(to_hex(header.unwrap(std::span(&identity, 1)).value().key.bytes()), key);
  }
  const std::vector<Identity> with_others = {test_identity(77), test_identity(78), identities[2]};
  EXPECT_TRUE(header.unwrap(with_others).ok());
}

TEST(Header, NoKeyThatFitsIsNotCorruption) {
  const Header header = Header::parse(file_for(test_identities(2))).value().value();
  const std::vector<Identity> strangers = {test_identity(77), test_identity(78)};
  const Error error = header.unwrap(strangers).error();
  EXPECT_EQ(error.kind, ErrorKind::kDenied);
  EXPECT_EQ(error.message, "it is encrypted to none of the 2 keys at hand");
  EXPECT_EQ(header.unwrap({}).error().kind, ErrorKind::kDenied);
  EXPECT_EQ(header.unwrap({}).error().message,
            "it is encrypted, and there is no private key at hand");
}

TEST(Header, OtherFilesAreToldApart) {
  EXPECT_EQ(complaint("\x28\xb5\x2f\xfd zstd"), "corrupt: it is not an age file");
  EXPECT_EQ(complaint("age-encryption.org/v2\n"),
            "unsupported: it is an age file of version v2; only v1 is supported");
  EXPECT_EQ(complaint("age-encryption.org/v1\r\n"),
            "corrupt: the age header is damaged: its first line is not a version");
  EXPECT_EQ(complaint("age-encryption.org/v1\n--- a\n0123456789abcdef"),
            "corrupt: the age header is damaged: it names no recipient");
  EXPECT_EQ(complaint("age-encryption.org/"), "more is needed");
}

TEST(Header, ALineOfABodyThatIsTooLongIsRefusedInAnyStanza) {
  const std::string mac = "--- " + std::string(43, 'A') + "\n0123456789abcdef";
  const auto with_line = [&](size_t size) {
    return complaint("age-encryption.org/v1\n-> grease\n" + std::string(size, 'A') + "\n" + mac);
  };
  EXPECT_EQ(with_line(62), "accepted");
  EXPECT_EQ(with_line(66), "corrupt: the age header is damaged: a stanza's body is not base 64");
}

TEST(Header, OneThatNeverEndsIsRefusedAtTheLimit) {
  const std::string start = "age-encryption.org/v1\n-> X25519 ";
  EXPECT_EQ(complaint(start + std::string(kMostHeaderBytes - start.size() - 1, 'a')),
            "more is needed");
  EXPECT_EQ(complaint(start + std::string(kMostHeaderBytes - start.size(), 'a')),
            "corrupt: the age header is damaged: it does not end within 64 KiB");
  EXPECT_EQ(complaint(start + std::string(10 * kMostHeaderBytes, 'a') + "\n--- \n"),
            "corrupt: the age header is damaged: it does not end within 64 KiB");
}

TEST(Header, AsManyRecipientsAsAreAllowed) {
  const std::vector<Identity> identities = test_identities(kMostRecipients);
  const Bytes file = file_for(identities);
  EXPECT_EQ(as_text(decrypt(file, std::span(&identities.back(), 1), 100).value()), "hello");
}

}  // namespace
}  // namespace walkback::crypto
