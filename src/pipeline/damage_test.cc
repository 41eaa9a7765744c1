// Whatever happens to a pack is found before one byte of it is restored, and the pack is named.
#include <gmock/gmock.h>

#include "pipeline/testing/copy_fixture.h"
#include "repo/pack.h"

namespace walkback::pipeline {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class DamageTest : public CopyTest {
 protected:
  DamageTest() {
    // Repetitive on purpose: there a changed byte of a frame can decode to the very same content.
    Bytes relation(8 * pg::kPageBytes, std::byte{'x'});
    for (uint32_t i = 0; i < 8; ++i) {
      stamp(MutableBytes(relation).subspan(i * pg::kPageBytes, pg::kPageBytes), i, kBeforeStart);
    }
    options.workers = 1;
    add_relation("16384", relation);
    const CopyInResult result = back_up().value();
    CHECK(result.packs.size() == 1);
    id = result.packs[0].id;
    good = objects->get(key()).value().value();
  }
  store::ObjectKey key() const { return repo::pack_key("packs", id); }

  Result<CopyOutResult> restore_from(ByteView pack) {
    objects->remove(key()).value();
    objects->put(key(), pack).value();
    return restore("/restored-" + std::to_string(++restores_));
  }
  void expect_found(const Result<CopyOutResult>& outcome) {
    ASSERT_FALSE(outcome.ok());
    EXPECT_EQ(outcome.error().kind, ErrorKind::kCorrupt);
    EXPECT_THAT(outcome.error().message, AllOf(HasSubstr("16384"), HasSubstr(id.text())));
  }

  repo::PackId id;
  Bytes good;

 private:
  int restores_ = 0;
};

TEST_F(DamageTest, TheUndamagedPackIsRestored) { EXPECT_TRUE(restore_from(good).ok()); }

TEST_F(DamageTest, AnyChangedByteIsFound) {
  for (size_t i = 0; i < good.size(); ++i) {
    SCOPED_TRACE(i);
    Bytes changed = good;
    changed[i] ^= static_cast<std::byte>(1 << (i % 8));
    expect_found(restore_from(changed));
  }
}

TEST_F(DamageTest, ATruncatedPackIsFound) {
  expect_found(restore_from(ByteView(good).first(good.size() - 1)));
  expect_found(restore_from({}));
}

TEST_F(DamageTest, AMissingPackIsMissingAndNamed) {
  objects->remove(key()).value();
  const Result<CopyOutResult> outcome = restore("/restored");
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().kind, ErrorKind::kMissing);
  EXPECT_THAT(outcome.error().message, AllOf(HasSubstr("16384"), HasSubstr(id.text())));
}

// A map that lies: the frame is whole, but not what the map says it is.
TEST_F(DamageTest, AFrameInTheWrongPlaceIsFound) {
  auto& frames = copied.at("16384").map.frames;
  std::swap(frames[0].location, frames[1].location);
  expect_found(restore_from(good));
  std::swap(frames[0].stored_hash, frames[1].stored_hash);
  expect_found(restore_from(good));
}

TEST_F(DamageTest, NothingOfADamagedFrameIsWritten) {
  Bytes changed = good;
  changed.back() ^= std::byte{1};
  expect_found(restore_from(changed));
  const Bytes restored = content("/restored-1/16384");
  EXPECT_EQ(ByteView(restored).subspan(4 * pg::kPageBytes)[100], std::byte{});
}

}  // namespace
}  // namespace walkback::pipeline
