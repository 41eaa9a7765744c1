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
      EXPECT_TRUE(objects_->put(key(pack), as_bytes("a pack")).ok());
      packs_.push_back(pack);
    }
  }
  store::ObjectKey key(const catalog::ManifestPack& pack) const {
    return repo::pack_key(pack.maps ? layout_.map_prefix() : layout_.pack_prefix(), pack.id);
  }
  Result<void> check(const std::vector<catalog::ManifestPack>& packs) {
    return check_packs_are_there(*objects_, layout_, packs);
  }

  const catalog::LineageLayout layout_{"main", pg::SystemIdentifier{7312}};
  std::unique_ptr<store::ObjectStore> objects_ = store::make_memory_store();
  std::vector<catalog::ManifestPack> packs_;
};

TEST_F(PacksThereTest, AllAreThere) {
  EXPECT_TRUE(check(packs_).ok());
  EXPECT_TRUE(check({}).ok());
}

TEST_F(PacksThereTest, OthersDoNotMatter) {
  for (size_t i = 0; i < packs_.size(); ++i) EXPECT_TRUE(check({packs_[i]}).ok()) << i;
}

TEST_F(PacksThereTest, AnyOneThatIsGoneIsNamed) {
  for (const catalog::ManifestPack& pack : packs_) {
    ASSERT_TRUE(objects_->remove(key(pack)).ok());
    const Result<void> checked = check(packs_);
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
