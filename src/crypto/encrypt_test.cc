#include "crypto/encrypt.h"

#include <gtest/gtest.h>

#include "crypto/decrypt.h"
#include "crypto/test_keys.h"

namespace walkback::crypto {
namespace {

constexpr uint64_t kLimit = 32 << 20;
const size_t kSizes[] = {0, 1, 65'535, 65'536, 65'537, 131'072, 1'000'003};

void append(Bytes& to, ByteView bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

// The file written in pieces of this size.
Bytes in_pieces(ByteView plaintext, size_t piece, const std::vector<Recipient>& recipients) {
  SeededRandom random(1);
  Encryptor encryptor(recipients, random);
  Bytes file;
  while (!plaintext.empty()) {
    const ByteView next = plaintext.first(std::min(piece, plaintext.size()));
    append(file, encryptor.append(next));
    plaintext = plaintext.subspan(next.size());
  }
  append(file, encryptor.finish());
  return file;
}

TEST(Encrypt, EveryRecipientReadsItAndItsSizeWasKnown) {
  SeededRandom random(1);
  for (const uint64_t count : {1, 3}) {
    const std::vector<Identity> identities = test_identities(count);
    for (const size_t size : kSizes) {
      const Bytes plaintext = test_bytes(size);
      const Bytes file = encrypt(plaintext, recipients_of(identities), random);
      EXPECT_EQ(file.size(), encrypted_size(size, count));
      for (const Identity& identity : identities) {
        EXPECT_EQ(decrypt(file, std::span(&identity, 1), kLimit).value(), plaintext) << size;
      }
    }
  }
}

TEST(Encryptor, WritesTheSameFileHoweverItIsCut) {
  const std::vector<Recipient> recipients = recipients_of(test_identities(2));
  for (const size_t size : {0UL, 100UL, 65'536UL, 65'537UL, 200'000UL}) {
    const Bytes plaintext = test_bytes(size);
    SeededRandom random(1);
    const Bytes at_once = encrypt(plaintext, recipients, random);
    for (const size_t piece : {1'000UL, 65'535UL, 65'536UL, 65'537UL, 131'072UL, 1'000'000UL}) {
      ASSERT_EQ(in_pieces(plaintext, piece, recipients), at_once) << size << " by " << piece;
    }
  }
}

TEST(Encryptor, SinglesBytesAndEmptyPieces) {
  const std::vector<Recipient> recipients = recipients_of(test_identities(1));
  SeededRandom random(1);
  Encryptor encryptor(recipients, random);
  Bytes file = to_bytes(encryptor.append({}));
  EXPECT_EQ(file.size(), payload_start(1)) << "the header can be written at once";
  EXPECT_TRUE(encryptor.append({}).empty());
  for (const char letter : std::string("hello"))
    append(file, encryptor.append(as_bytes({&letter, 1})));
  append(file, encryptor.finish());
  EXPECT_EQ(as_text(decrypt(file, test_identities(1), kLimit).value()), "hello");
}

TEST(Encryptor, HandsOutAllButTheChunkThatCouldBeTheLast) {
  const std::vector<Recipient> recipients = recipients_of(test_identities(1));
  SeededRandom random(1);
  Encryptor encryptor(recipients, random);
  const Bytes chunks(4 * kChunkBytes);
  EXPECT_EQ(encryptor.append(chunks).size(), payload_start(1) + 3 * kSealedChunkBytes);
  EXPECT_EQ(encryptor.append(chunks).size(), 4 * kSealedChunkBytes);
  EXPECT_EQ(encryptor.finish().size(), kSealedChunkBytes);
}

TEST(Encryptor, TwoFilesOfTheSameBytesHaveNothingInCommon) {
  const std::vector<Recipient> recipients = recipients_of(test_identities(1));
  SeededRandom random(1);
  const Bytes plaintext(1000);
  const Bytes first = encrypt(plaintext, recipients, random);
  const Bytes second = encrypt(plaintext, recipients, random);
  EXPECT_NE(as_text(first).substr(payload_start(1)), as_text(second).substr(payload_start(1)));
}

}  // namespace
}  // namespace walkback::crypto
