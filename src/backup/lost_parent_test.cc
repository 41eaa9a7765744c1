#include "backup/lost_parent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "repo/pack.h"
#include "store/memory_store.h"

namespace walkback::backup {
namespace {

using ::testing::HasSubstr;

class PacksThereTest : public ::testing::Test {
 protected:
  // Spread over folders as chance would.
  PacksThereTest() {
    for (int i = 0; i < 40; ++i) {
      catalog::ManifestPack pack;
      pack.id.bytes[0] = static_cast<std::byte>(i * 37);
      pack.id.bytes[15] = static_cast<std::byte>(i);
      pack.maps = i % 3 == 0;
      EXPECT_TRUE(objects_->put(key(pack), as_bytes(std::string(100 + i, 'x'))).ok());
      packs_.push_back(pack);
    }
  }
  store::ObjectKey key(const catalog::ManifestPack& pack) const {
    return repo::pack_key(pack.maps ? layout_.map_prefix() : layout_.pack_prefix(), pack.id);
  }
  Result<std::vector<uint64_t>> sizes(const std::vector<catalog::ManifestPack>& packs) {
    return sizes_of_packs(*objects_, layout_, packs);
  }

  const catalog::LineageLayout layout_{"main", pg::SystemIdentifier{7312}};
  std::unique_ptr<store::ObjectStore> objects_ = store::make_memory_store();
  std::vector<catalog::ManifestPack> packs_;
};

TEST_F(PacksThereTest, EachHasItsSize) {
  const auto found = sizes(packs_);
  ASSERT_TRUE(found.ok()) << found.error().message;
  for (size_t i = 0; i < packs_.size(); ++i) EXPECT_EQ((*found)[i], 100 + i);
  EXPECT_TRUE(sizes({}).ok());
}

TEST_F(PacksThereTest, OthersDoNotMatter) {
  for (size_t i = 0; i < packs_.size(); ++i)
    EXPECT_EQ(*sizes({packs_[i]}), std::vector{uint64_t{100} + i});
}

TEST_F(PacksThereTest, AnyOneThatIsGoneIsNamed) {
  for (const catalog::ManifestPack& pack : packs_) {
    ASSERT_TRUE(objects_->remove(key(pack)).ok());
    const auto checked = sizes(packs_);
    ASSERT_FALSE(checked.ok());
    EXPECT_EQ(checked.error().kind, ErrorKind::kMissing);
    EXPECT_THAT(checked.error().message, HasSubstr(key(pack).text()));
    ASSERT_TRUE(objects_->put(key(pack), as_bytes("a pack")).ok());
  }
}

TEST(LostParent, OnlyWhatIsOfTheObjectIsALoss) {
  LostParent lost;
  lost.see(make_error(ErrorKind::kTransient, "the repository does not answer"));
  EXPECT_FALSE(lost.why());
  lost.see(make_error(ErrorKind::kCorrupt, "the first"));
  lost.see(make_error(ErrorKind::kMissing, "the second"));
  ASSERT_TRUE(lost.why());
  EXPECT_EQ(lost.why()->message, "the first");
}

}  // namespace
}  // namespace walkback::backup
