#include "restore/mounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace walkback::restore {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kTable =
    "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "30 22 8:2 / /srv rw,relatime shared:2 - ext4 /dev/sda2 rw\n"
    "31 22 8:2 /pg/base /mnt/x rw,relatime shared:2 - ext4 /dev/sda2 rw\n"
    "32 22 0:40 / /mnt/with\\040space rw - tmpfs tmpfs rw\n"
    // Mounted on /deep/er and then hidden by another on /deep.
    "33 22 8:3 / /deep/er rw - ext4 /dev/sdb1 rw\n"
    "34 22 8:4 / /deep rw - ext4 /dev/sdc1 rw\n"
    // One on top of the other.
    "35 22 8:5 / /twice rw - ext4 /dev/sdd1 rw\n"
    "36 35 8:6 /sub /twice rw - ext4 /dev/sde1 rw\n";

TruePath of(std::string_view path) { return Mounts(kTable).of(path).value_or(TruePath{}); }

TEST(Mounts, APathLiesWhereItsMountSays) {
  EXPECT_EQ(of("/home/me"), (TruePath{"8:1", "/home/me"}));
  EXPECT_EQ(of("/srv/pg/base/5"), (TruePath{"8:2", "/pg/base/5"}));
  EXPECT_EQ(of("/srv"), (TruePath{"8:2", "/"}));
  EXPECT_EQ(of("/srvx"), (TruePath{"8:1", "/srvx"}));
  EXPECT_EQ(of("/"), (TruePath{"8:1", "/"}));
  EXPECT_EQ(of("/mnt/with space/a"), (TruePath{"0:40", "/a"}));
}

TEST(Mounts, ABindMountOfADirectoryIsThatDirectory) {
  EXPECT_EQ(of("/mnt/x/5/new"), of("/srv/pg/base/5/new"));
}

TEST(Mounts, WhatIsHiddenByALaterMountIsNotThere) {
  EXPECT_EQ(of("/deep/er/a"), (TruePath{"8:4", "/er/a"}));
  EXPECT_EQ(of("/twice/a"), (TruePath{"8:6", "/sub/a"}));
}

TEST(Mounts, BelowADirectory) {
  EXPECT_THAT(Mounts(kTable).below("/mnt"), ElementsAre("/mnt/x", "/mnt/with space"));
  EXPECT_THAT(Mounts(kTable).below("/mnt/x"), IsEmpty());
}

TEST(Mounts, WhatTypeLiesThere) {
  EXPECT_EQ(Mounts(kTable).type_at("/mnt/with space"), "tmpfs");
  EXPECT_EQ(Mounts(kTable).type_at("/mnt"), std::nullopt);
  EXPECT_THAT(Mounts(kTable).below("/", "tmpfs"), ElementsAre("/mnt/with space"));
}

TEST(Mounts, ThisProcesssOwnAreRead) {
  const Result<Mounts> mounts = Mounts::read(system_files());
  ASSERT_TRUE(mounts.ok()) << mounts.error().message;
  EXPECT_TRUE(mounts->of("/tmp"));
  EXPECT_NE(mounts->of("/proc/self")->device, mounts->of("/")->device);
}

TEST(Mounts, NonsenseSaysNothing) {
  for (const std::string_view text : {"", "\n\n", "1 2 3", "a b c d e f", "1 1 8:1 / / rw\n"}) {
    EXPECT_FALSE(Mounts(text).of("/srv")) << text;
  }
}

}  // namespace
}  // namespace walkback::restore
