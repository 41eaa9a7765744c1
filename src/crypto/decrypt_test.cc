#include "crypto/decrypt.h"

#include <gtest/gtest.h>

#include "crypto/chunk_nonce.h"
#include "crypto/encrypt.h"
#include "crypto/test_keys.h"

namespace walkback::crypto {
namespace {

constexpr uint64_t kLimit = 32 << 20;

// A file of some plaintext for one key, and what can be done to it.
class DecryptTest : public testing::Test {
 protected:
  void encrypt_bytes(size_t size) {
    plaintext = test_bytes(size);
    SeededRandom random(1);
    file = encrypt(plaintext, recipients_of(identities), random);
  }

  // "read", or the kind of the error.
  std::string outcome(ByteView tried) const {
    const Result<Bytes> read = decrypt(tried, identities, kLimit);
    if (!read.ok()) return std::string(error_kind_name(read.error().kind));
    EXPECT_EQ(*read, plaintext) << "other bytes were accepted";
    return "read";
  }

  PayloadKey key() const { return Header::parse(file).value()->unwrap(identities).value(); }
  PayloadLayout layout() const {
    return PayloadLayout::of(file.size(), payload_start(identities.size())).value();
  }
  MutableBytes sealed_chunk(uint64_t number) {
    const size_t offset = payload_start(identities.size()) + number * kSealedChunkBytes;
    const MutableBytes rest = MutableBytes(file).subspan(offset);
    return rest.first(std::min(rest.size(), kSealedChunkBytes));
  }
  // The chunk as another writer would have sealed it.
  void seal_again(uint64_t number, uint64_t as_number, bool as_last) {
    const Bytes chunk(plaintext.begin() + static_cast<ptrdiff_t>(number * kChunkBytes),
                      plaintext.begin() + static_cast<ptrdiff_t>(number * kChunkBytes +
                                                                 layout().chunk_size(number)));
    ChaCha20Poly1305(ChaCha20Poly1305::Direction::kSeal, key().key)
        .seal(chunk_nonce(as_number, as_last), chunk, sealed_chunk(number));
  }

  std::vector<Identity> identities = test_identities(1);
  Bytes plaintext;
  Bytes file;
};

TEST_F(DecryptTest, AnyByteChangedIsNoticed) {
  encrypt_bytes(300);
  ASSERT_EQ(outcome(file), "read");
  for (std::byte& byte : file) {
    for (const int bit : {0, 5, 7}) {
      byte ^= static_cast<std::byte>(1 << bit);
      ASSERT_NE(outcome(file), "read") << &byte - file.data();
      byte ^= static_cast<std::byte>(1 << bit);
    }
  }
  for (std::byte& byte : MutableBytes(file).subspan(payload_start(1))) {
    byte ^= std::byte{1};
    ASSERT_EQ(outcome(file), "corrupt");
    byte ^= std::byte{1};
  }
}

TEST_F(DecryptTest, AnyTruncationIsNoticed) {
  for (const size_t size : {0, 300}) {
    encrypt_bytes(size);
    for (size_t kept = 0; kept < file.size(); ++kept) {
      ASSERT_EQ(outcome(ByteView(file).first(kept)), "corrupt") << kept;
    }
  }
}

TEST_F(DecryptTest, ATruncationBetweenChunksIsNoticed) {
  encrypt_bytes(3 * kChunkBytes);
  for (const uint64_t chunks : {0, 1, 2}) {
    const size_t end = payload_start(1) + chunks * kSealedChunkBytes;
    for (const size_t kept : {end - 1, end, end + 1, end + kTagBytes, end + kTagBytes + 1}) {
      ASSERT_EQ(outcome(ByteView(file).first(kept)), "corrupt") << kept;
    }
  }
}

TEST_F(DecryptTest, BytesAfterTheEndAreNoticed) {
  for (const size_t size : {0UL, 300UL, kChunkBytes}) {
    encrypt_bytes(size);
    for (const size_t added : {1UL, 16UL, 17UL, kSealedChunkBytes}) {
      Bytes longer = file;
      longer.resize(file.size() + added);
      ASSERT_EQ(outcome(longer), "corrupt") << size << " and " << added;
    }
  }
}

TEST_F(DecryptTest, ChunksInAnotherOrderAreNoticed) {
  encrypt_bytes(3 * kChunkBytes);
  std::swap_ranges(sealed_chunk(0).begin(), sealed_chunk(0).end(), sealed_chunk(1).begin());
  EXPECT_EQ(outcome(file), "corrupt");
  std::swap_ranges(sealed_chunk(0).begin(), sealed_chunk(0).end(), sealed_chunk(1).begin());
  EXPECT_EQ(outcome(file), "read");
}

TEST_F(DecryptTest, OnlyTheLastChunkMayAndMustSayThatItIs) {
  encrypt_bytes(2 * kChunkBytes);
  seal_again(1, 1, true);
  ASSERT_EQ(outcome(file), "read");
  seal_again(1, 1, false);
  EXPECT_EQ(outcome(file), "corrupt") << "the last chunk does not say so";
  seal_again(1, 1, true);
  seal_again(0, 0, true);
  EXPECT_EQ(outcome(file), "corrupt") << "another chunk says that it is the last";
}

TEST_F(DecryptTest, AnEmptyChunkAfterAFullOneIsRefusedThoughItsTagHolds) {
  encrypt_bytes(kChunkBytes);
  seal_again(0, 0, false);
  Bytes empty(kTagBytes);
  ChaCha20Poly1305(ChaCha20Poly1305::Direction::kSeal, key().key)
      .seal(chunk_nonce(1, true), {}, empty);
  EXPECT_EQ(Decryptor(key()).decrypt_chunk(1, true, empty, {}).error().kind, ErrorKind::kCorrupt);
  file.insert(file.end(), empty.begin(), empty.end());
  EXPECT_EQ(outcome(file), "corrupt");
}

TEST_F(DecryptTest, ChunksOfImpossibleSizesAreRefused) {
  encrypt_bytes(2 * kChunkBytes + 10);
  Decryptor decryptor(key());
  const Bytes sealed(kSealedChunkBytes + 1);
  const auto refused = [&](uint64_t number, bool last, size_t size) {
    Bytes out(size < kTagBytes ? 0 : size - kTagBytes);
    const auto result = decryptor.decrypt_chunk(number, last, ByteView(sealed).first(size), out);
    return !result.ok() && result.error().message.find("size") != std::string::npos;
  };
  EXPECT_TRUE(refused(0, true, 0));
  EXPECT_TRUE(refused(0, true, kTagBytes - 1));
  EXPECT_TRUE(refused(0, false, kSealedChunkBytes - 1));
  EXPECT_TRUE(refused(2, true, kSealedChunkBytes + 1));
  EXPECT_TRUE(refused(2, true, kTagBytes));
  EXPECT_FALSE(refused(0, true, kTagBytes)) << "a possible size, and a wrong tag";
}

TEST_F(DecryptTest, AnyRangeIsReadFromItsChunksAlone) {
  encrypt_bytes(3 * kChunkBytes + 5'000);
  Decryptor decryptor(key());
  SeededRandom random(7);
  const uint64_t edges[] = {0,
                            1,
                            kChunkBytes - 1,
                            kChunkBytes,
                            kChunkBytes + 1,
                            2 * kChunkBytes,
                            3 * kChunkBytes,
                            3 * kChunkBytes + 1,
                            plaintext.size()};
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  for (const uint64_t from : edges) {
    for (const uint64_t to : edges) {
      if (from <= to) ranges.emplace_back(from, to);
    }
  }
  for (int i = 0; i < 50; ++i) {
    const uint64_t from = random.below(plaintext.size());
    ranges.emplace_back(from, from + random.below(plaintext.size() - from));
  }
  for (const auto& [from, to] : ranges) {
    const ChunkRange chunks = layout().chunks_of(from, to - from).value();
    const ByteView sealed = ByteView(file).subspan(chunks.file_offset, chunks.file_size);
    Bytes read(to - from);
    ASSERT_TRUE(decryptor.decrypt_range(layout(), from, sealed, read).ok());
    ASSERT_TRUE(
        std::equal(read.begin(), read.end(), plaintext.begin() + static_cast<ptrdiff_t>(from)))
        << from << " to " << to;
  }
}

TEST_F(DecryptTest, ARangeOutOfAChangedChunkIsNotReadAndItsNeighboursAre) {
  encrypt_bytes(3 * kChunkBytes);
  sealed_chunk(1)[100] ^= std::byte{1};
  Decryptor decryptor(key());
  Bytes out(100);
  for (const uint64_t chunk : {0, 1, 2}) {
    const uint64_t offset = chunk * kChunkBytes + 5'000;  // far from the changed byte
    const ChunkRange chunks = layout().chunks_of(offset, out.size()).value();
    const Result<void> read = decryptor.decrypt_range(
        layout(), offset, ByteView(file).subspan(chunks.file_offset, chunks.file_size), out);
    EXPECT_EQ(read.ok(), chunk != 1);
    if (!read.ok()) {
      EXPECT_EQ(read.error().kind, ErrorKind::kCorrupt);
      EXPECT_TRUE(read.error().message.starts_with("encrypted chunk 1 is damaged"));
    }
  }
}

TEST_F(DecryptTest, AStrangersKeyIsDeniedAndNotCorruption) {
  encrypt_bytes(300);
  identities = {test_identity(77)};
  EXPECT_EQ(outcome(file), "denied");
}

TEST_F(DecryptTest, NoMoreThanTheLimitIsRead) {
  encrypt_bytes(300);
  EXPECT_TRUE(decrypt(file, identities, 300).ok());
  EXPECT_EQ(decrypt(file, identities, 299).error().kind, ErrorKind::kInvalid);
}

}  // namespace
}  // namespace walkback::crypto
