#include "repo/sealed.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>

#include "codec/frame.h"
#include "store/memory_store.h"

namespace walkback::repo {
namespace {

Bytes payload_of(size_t size, bool compressible) {
  Bytes bytes(size);
  std::mt19937_64 random(size);
  for (std::byte& b : bytes) b = static_cast<std::byte>(compressible ? random() % 3 : random());
  return bytes;
}

class SealedTest : public testing::Test {
 protected:
  static constexpr uint16_t kVersion = 3;

  store::ObjectKey write(ByteView payload, size_t piece = 100'000) {
    const store::ObjectKey key("objects/" + std::to_string(++written_));
    auto writer = create_sealed(*objects, key, SealedKind::kManifest, kVersion, 3).value();
    for (size_t at = 0; at < payload.size(); at += piece) {
      writer->append(payload.subspan(at, std::min(piece, payload.size() - at))).value();
    }
    EXPECT_EQ(writer->finish().value(), store::PutOutcome::kCreated);
    return key;
  }

  Result<Bytes> read(const store::ObjectKey& key, size_t piece = 77'777,
                     uint16_t newest = kVersion) {
    auto reader = TRY(open_sealed(*objects, key, SealedKind::kManifest, newest));
    Bytes all;
    Bytes buffer(piece);
    while (true) {
      const size_t size = TRY(reader->read(buffer));
      all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(size));
      if (size < piece) return all;
    }
  }

  Bytes stored(const store::ObjectKey& key) { return objects->get(key).value().value(); }

  store::ObjectKey put(ByteView bytes) {
    const store::ObjectKey key("objects/" + std::to_string(++written_));
    objects->put(key, bytes).value();
    return key;
  }

  std::unique_ptr<store::ObjectStore> objects = store::make_memory_store();

 private:
  int written_ = 0;
};

TEST_F(SealedTest, PayloadOfAnySizeComesBack) {
  for (size_t size : {0u, 1u, 1000u, 262143u, 262144u, 262145u, 2'000'000u}) {
    const Bytes payload = payload_of(size, true);
    EXPECT_EQ(read(write(payload)).value(), payload) << size;
  }
}

TEST_F(SealedTest, PiecesMayBeOfAnySize) {
  const Bytes payload = payload_of(300'000, false);
  const store::ObjectKey key = write(payload, 17);
  EXPECT_EQ(read(key, 1).value(), payload);
  EXPECT_EQ(read(key, 1 << 20).value(), payload);
}

TEST_F(SealedTest, StockZstdReadsThePayload) {
  const Bytes payload = payload_of(700'000, true);
  EXPECT_EQ(codec::decode_stream(stored(write(payload)), 1 << 20).value(), payload);
}

TEST_F(SealedTest, AnyChangedByteOfASmallObjectIsFoundBeforeAnythingIsRead) {
  const Bytes good = stored(write(payload_of(500, true)));
  for (size_t i = 0; i < good.size(); ++i) {
    for (int change : {1, 0x80, 0xff}) {
      Bytes changed = good;
      changed[i] ^= static_cast<std::byte>(change);
      const store::ObjectKey key = put(changed);
      const Result<Bytes> outcome = read(key);
      ASSERT_FALSE(outcome.ok()) << "byte " << i;
      EXPECT_EQ(outcome.error().kind, ErrorKind::kCorrupt) << "byte " << i;
      EXPECT_NE(outcome.error().message.find(key.text()), std::string::npos);
    }
  }
}

TEST_F(SealedTest, AnyChangedByteOfALargeObjectIsFound) {
  const Bytes good = stored(write(payload_of(1'500'000, false)));
  std::mt19937_64 random(5);
  for (int i = 0; i < 100; ++i) {
    Bytes changed = good;
    changed[random() % changed.size()] ^= std::byte{0x10};
    EXPECT_EQ(read(put(changed)).error().kind, ErrorKind::kCorrupt);
  }
}

TEST_F(SealedTest, AnyTruncationOrAdditionIsFound) {
  const Bytes good = stored(write(payload_of(500, true)));
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(read(put(ByteView(good).first(size))).error().kind, ErrorKind::kCorrupt) << size;
  }
  Bytes longer = good;
  longer.push_back(std::byte{0});
  EXPECT_EQ(read(put(longer)).error().kind, ErrorKind::kCorrupt);
}

TEST_F(SealedTest, ANewerVersionAsksForANewerProgram) {
  const store::ObjectKey key = write(payload_of(10, true));
  const Result<Bytes> outcome = read(key, 100, kVersion - 1);
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(outcome.error().hint, "use a newer walkback");
}

TEST_F(SealedTest, AnotherKindIsNotOurs) {
  const store::ObjectKey key("objects/other");
  auto writer = create_sealed(*objects, key, static_cast<SealedKind>('X'), 1, 3).value();
  writer->append(payload_of(10, true)).value();
  writer->finish().value();
  EXPECT_EQ(read(key).error().kind, ErrorKind::kCorrupt);
}

TEST_F(SealedTest, AnUnfinishedObjectIsNotThere) {
  const store::ObjectKey key("objects/unfinished");
  {
    auto writer = create_sealed(*objects, key, SealedKind::kManifest, 1, 3).value();
    writer->append(payload_of(1'000'000, false)).value();
  }
  EXPECT_EQ(read(key).error().kind, ErrorKind::kMissing);
}

// Written by the first version. It must open for ever; WALKBACK_WRITE_GOLDEN=1 made it.
TEST_F(SealedTest, TheGoldenFileOpens) {
  const std::string path = WALKBACK_TESTDATA "/sealed_v1.wbk";
  const Bytes payload = payload_of(1000, true);
  if (std::getenv("WALKBACK_WRITE_GOLDEN")) {
    std::ofstream(path, std::ios::binary) << as_text(stored(write(payload)));
  }
  std::ifstream file(path, std::ios::binary);
  const std::string golden{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(read(put(as_bytes(golden))).value(), payload);
}

}  // namespace
}  // namespace walkback::repo
