#include "repo/pack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/testing/seeded_random.h"
#include "codec/frame.h"
#include "store/memory_store.h"
#include "store/testing/forwarding_store.h"

namespace walkback::repo {
namespace {

using testing::HasSubstr;

// A store whose n-th finish fails: a disk that filled up, a bucket that went away.
class FailingStore final : public store::ForwardingStore {
 public:
  explicit FailingStore(std::unique_ptr<store::ObjectStore> inner = store::make_memory_store())
      : ForwardingStore(*inner), inner_(std::move(inner)) {}

  std::atomic<int> finishes_until_failure{1'000'000};
  std::atomic<int> opened{0};
  std::atomic<int> reads{0};

  Result<std::unique_ptr<store::ObjectWriter>> create(const store::ObjectKey& key) override {
    auto writer = std::make_unique<Writer>();
    writer->inner = TRY(inner_->create(key));
    writer->store = this;
    return std::unique_ptr<store::ObjectWriter>(std::move(writer));
  }
  Result<std::unique_ptr<store::ObjectReader>> open(const store::ObjectKey& key) override {
    ++opened;
    auto reader = std::make_unique<Reader>();
    reader->inner = TRY(inner_->open(key));
    reader->reads = &reads;
    return std::unique_ptr<store::ObjectReader>(std::move(reader));
  }

 private:
  struct Reader final : store::ObjectReader {
    Result<void> read_at(uint64_t offset, MutableBytes out) override {
      ++*reads;
      return inner->read_at(offset, out);
    }
    uint64_t size() const override { return inner->size(); }
    std::unique_ptr<store::ObjectReader> inner;
    std::atomic<int>* reads = nullptr;
  };
  struct Writer final : store::ObjectWriter {
    Result<void> append(ByteView data) override { return inner->append(data); }
    Result<store::PutOutcome> finish() override {
      if (--store->finishes_until_failure < 0) {
        return make_error(ErrorKind::kNoSpace, "the disk is full");
      }
      return inner->finish();
    }
    std::unique_ptr<store::ObjectWriter> inner;
    FailingStore* store = nullptr;
  };

  std::unique_ptr<store::ObjectStore> inner_;
};

class PackTest : public testing::Test {
 protected:
  static Bytes frame(int number, size_t size = 1000) {
    return Bytes(size, static_cast<std::byte>(number));
  }
  Bytes read(const FrameLocation& location) {
    Bytes bytes(location.length);
    reader.read(location, bytes).value();
    return bytes;
  }
  std::vector<std::string> stored_packs() {
    std::vector<std::string> names;
    objects
        .list("packs/", "",
              [&](const store::ObjectInfo& info) {
                names.push_back(info.key.text());
                return true;
              })
        .value();
    return names;
  }

  FailingStore objects;
  SeededRandom random{42};
  PackFinisher finisher{2};
  PackWriter writer{objects, random, "packs", 10'000, finisher};
  PackReader reader{objects, "packs", 2};
};

TEST_F(PackTest, NamesAreSpreadOverFolders) {
  PackId id;
  id.bytes[0] = std::byte{0xab};
  EXPECT_EQ(pack_key("clusters/main/packs", id).text(),
            "clusters/main/packs/ab/ab000000000000000000000000000000.zst");
}

TEST_F(PackTest, FramesComeBackFromWhereTheyWerePut) {
  std::vector<FrameLocation> locations;
  for (int i = 0; i < 25; ++i) locations.push_back(writer.append(frame(i)).value());
  writer.close().value();
  EXPECT_EQ(finisher.wait().value().size(), 3u);
  for (int i = 0; i < 25; ++i) EXPECT_EQ(read(locations[static_cast<size_t>(i)]), frame(i)) << i;
}

TEST_F(PackTest, NeighboursAreReadInOne) {
  const FrameLocation first = writer.append(frame(1)).value();
  const FrameLocation second = writer.append(frame(2)).value();
  writer.close().value();
  finisher.wait().value();
  EXPECT_EQ(second.offset, first.offset + first.length);
  const Bytes both = read({first.pack, first.offset, first.length + second.length});
  EXPECT_EQ(ByteView(both).subspan(1000).front(), std::byte{2});
}

// A directory of many small files costs a bucket few requests.
TEST_F(PackTest, SmallFramesReadInARowComeWithOneRead) {
  PackWriter large{objects, random, "packs", 10'000'000, finisher};
  std::vector<FrameLocation> locations;
  for (int i = 0; i < 1000; ++i) locations.push_back(large.append(frame(i % 256)).value());
  large.close().value();
  finisher.wait().value();
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(read(locations[static_cast<size_t>(i)]), frame(i % 256));
  EXPECT_LE(objects.reads, 3);
}

TEST_F(PackTest, WhatLiesApartIsReadForItself) {
  PackWriter large{objects, random, "packs", 10'000'000, finisher};
  std::vector<FrameLocation> locations;
  for (int i = 0; i < 1000; ++i) locations.push_back(large.append(frame(i % 256)).value());
  large.close().value();
  finisher.wait().value();
  for (size_t i : {900u, 7u, 500u, 3u})
    EXPECT_EQ(read(locations[i]), frame(static_cast<int>(i) % 256));
  EXPECT_EQ(objects.reads, 4);
}

TEST_F(PackTest, APackIsTheStreamOfItsFrames) {
  codec::FrameEncoder encoder(3);
  const FrameLocation location = writer.append(encoder.encode(as_bytes("hello "))).value();
  writer.append(encoder.encode(as_bytes("world"))).value();
  writer.close().value();
  finisher.wait().value();
  const Bytes pack = objects.get(pack_key("packs", location.pack)).value().value();
  EXPECT_EQ(as_text(codec::decode_stream(pack, 100).value()), "hello world");
}

TEST_F(PackTest, ThePacksStoredAreListedWithTheirSizes) {
  for (int i = 0; i < 15; ++i) writer.append(frame(i)).value();
  writer.close().value();
  std::vector<PackFinisher::Stored> stored = finisher.wait().value();
  ASSERT_EQ(stored.size(), 2u);
  EXPECT_EQ(stored[0].size + stored[1].size, 15'000u);
  EXPECT_EQ(stored_packs().size(), 2u);
}

TEST_F(PackTest, AFrameBeyondTheTargetHasAPackOfItsOwn) {
  const FrameLocation large = writer.append(frame(1, 50'000)).value();
  const FrameLocation next = writer.append(frame(2)).value();
  EXPECT_NE(large.pack, next.pack);
  writer.close().value();
  finisher.wait().value();
  EXPECT_EQ(read(large), frame(1, 50'000));
}

TEST_F(PackTest, NoFramesAreNoPack) {
  writer.close().value();
  EXPECT_TRUE(finisher.wait().value().empty());
  EXPECT_TRUE(stored_packs().empty());
}

TEST_F(PackTest, AnOpenPackIsDropped) {
  {
    PackWriter dropped(objects, random, "packs", 10'000, finisher);
    dropped.append(frame(1)).value();
  }
  finisher.wait().value();
  EXPECT_TRUE(stored_packs().empty());
}

TEST_F(PackTest, APackThatCannotBeStoredFailsTheWaitAndNamesThePack) {
  objects.finishes_until_failure = 0;
  const FrameLocation location = writer.append(frame(1)).value();
  writer.close().value();
  const auto outcome = finisher.wait();
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().kind, ErrorKind::kNoSpace);
  EXPECT_THAT(outcome.error().message, HasSubstr(location.pack.text()));
}

TEST_F(PackTest, WritersLearnOfAFailureSoonAndNobodyWaitsForEver) {
  objects.finishes_until_failure = 1;
  Result<void> outcome;
  for (int i = 0; i < 10'000 && outcome.ok(); ++i) {
    Result<FrameLocation> appended = writer.append(frame(i));
    if (!appended.ok()) outcome = appended.error();
  }
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().kind, ErrorKind::kNoSpace);
  EXPECT_EQ(finisher.wait().error().kind, ErrorKind::kNoSpace);
}

TEST_F(PackTest, ARepeatingSourceOfNamesIsFoundOut) {
  SeededRandom again{42};
  PackWriter twin(objects, again, "packs", 10'000, finisher);
  writer.append(frame(1)).value();
  twin.append(frame(2)).value();
  writer.close().value();
  twin.close().value();
  EXPECT_EQ(finisher.wait().error().kind, ErrorKind::kConflict);
}

TEST_F(PackTest, AMissingPackIsNamed) {
  PackId id;
  random.fill(id.bytes);
  Bytes bytes(10);
  const Result<void> outcome = reader.read({id, 0, 10}, bytes);
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().kind, ErrorKind::kMissing);
  EXPECT_THAT(outcome.error().message, HasSubstr(id.text()));
}

TEST_F(PackTest, APackTooShortForTheFrameIsCorruptAndNamed) {
  const FrameLocation location = writer.append(frame(1)).value();
  writer.close().value();
  finisher.wait().value();
  Bytes bytes(1001);
  const Result<void> outcome = reader.read({location.pack, 0, 1001}, bytes);
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(outcome.error().message, HasSubstr(location.pack.text()));
}

TEST_F(PackTest, PacksStayOpenUpToTheLimit) {
  std::vector<FrameLocation> locations;
  for (int i = 0; i < 3; ++i) locations.push_back(writer.append(frame(i, 20'000)).value());
  finisher.wait().value();
  for (int round = 0; round < 5; ++round) {
    read(locations[0]);
    read(locations[1]);
  }
  EXPECT_EQ(objects.opened, 2);
  read(locations[2]);  // pushes out the longest unused: 0
  read(locations[1]);
  EXPECT_EQ(objects.opened, 3);
  read(locations[0]);
  EXPECT_EQ(objects.opened, 4);
}

TEST_F(PackTest, ManyThreadsReadAtOnce) {
  std::vector<FrameLocation> locations;
  for (int i = 0; i < 100; ++i) locations.push_back(writer.append(frame(i)).value());
  writer.close().value();
  finisher.wait().value();
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        const int number = (i * 37 + t) % 100;
        if (read(locations[static_cast<size_t>(number)]) != frame(number)) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace walkback::repo
