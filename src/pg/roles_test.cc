#include "pg/roles.h"

#include <gtest/gtest.h>

#include "pg/page.h"

namespace walkback::pg {
namespace {

template <typename T>
void put(Bytes& bytes, size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

// A page of pg_authid, written row by row as a server does.
class RolesPage : public ::testing::Test {
 protected:
  void add(Oid oid, const std::string& name, bool superuser, bool may_log_in, uint32_t xmax = 0) {
    constexpr size_t kRowBytes = 24 + 80;
    upper_ -= kRowBytes;
    put(page_, upper_ + 4, xmax);
    put(page_, upper_ + 20, static_cast<uint16_t>(xmax == 0 ? 0x0800 : 0));
    put(page_, upper_ + 22, uint8_t{24});
    put(page_, upper_ + 24, oid);
    std::memcpy(page_.data() + upper_ + 28, name.data(), name.size());
    put(page_, upper_ + 92, static_cast<uint8_t>(superuser));
    put(page_, upper_ + 96, static_cast<uint8_t>(may_log_in));
    put(page_, lower_, static_cast<uint32_t>(upper_ | 1u << 15 | kRowBytes << 17));
    lower_ += 4;
    put(page_, 12, static_cast<uint16_t>(lower_));
  }

  Bytes page_ = Bytes(kPageBytes);
  size_t lower_ = 24;
  size_t upper_ = kPageBytes;
};

TEST_F(RolesPage, NamesWhoMayLogIn) {
  add(10, "dba", true, true);
  add(16384, "app", false, true);
  add(3373, "pg_monitor", false, false);
  const std::vector<Role> roles = roles_on_page(page_);
  ASSERT_EQ(roles.size(), 3u);
  EXPECT_EQ(roles[0].oid, kFirstSuperuser);
  EXPECT_EQ(roles[0].name, "dba");
  EXPECT_TRUE(roles[0].superuser && roles[0].may_log_in && !roles[0].replaced);
  EXPECT_TRUE(!roles[1].superuser && roles[1].may_log_in);
  EXPECT_FALSE(roles[2].may_log_in);
}

TEST_F(RolesPage, AnOlderVersionOfARowIsKnownForOne) {
  add(10, "postgres", true, true, 777);
  add(10, "dba", true, true);
  const std::vector<Role> roles = roles_on_page(page_);
  EXPECT_TRUE(roles.at(0).replaced);
  EXPECT_FALSE(roles.at(1).replaced);
}

TEST_F(RolesPage, ThatIsDamagedGivesWhatItCanAndNothingBeyondItsEnd) {
  add(10, "dba", true, true);
  for (size_t at = 0; at < kPageBytes; ++at) {
    Bytes damaged = page_;
    damaged[at] ^= std::byte{0xFF};
    EXPECT_LE(roles_on_page(damaged).size(), kPageBytes / 4);
  }
  EXPECT_TRUE(roles_on_page(Bytes(kPageBytes, std::byte{0xFF})).empty());
  EXPECT_TRUE(roles_on_page(ByteView(page_).first(100)).empty());
  EXPECT_TRUE(roles_on_page(Bytes(kPageBytes)).empty());
}

}  // namespace
}  // namespace walkback::pg
