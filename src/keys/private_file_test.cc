#include "keys/private_file.h"

#include <sys/stat.h>

#include "base/testing/simulated_files.h"
#include "keys/testing/key_world.h"

namespace walkback::keys {
namespace {

using ::testing::HasSubstr;

class PrivateFile : public KeyWorld {
 protected:
  Result<crypto::SecretText> load(const std::string& name) {
    return read_private_file(system_files(), path(name), geteuid(), "");
  }
  Error refused(const std::string& name, uint32_t user = geteuid()) {
    auto read = read_private_file(system_files(), path(name), user, "");
    EXPECT_FALSE(read.ok());
    return read.ok() ? Error{} : read.error();
  }
};

TEST_F(PrivateFile, IsWrittenForItsOwnerAloneAndReadBack) {
  ASSERT_TRUE(write_private_file(system_files(), random_, path("key"), "secret\n").ok());
  struct stat status {};
  ASSERT_EQ(stat(path("key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
  EXPECT_EQ(load("key").value().view(), "secret\n");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_), {}), 1) << "no rest";
}

TEST_F(PrivateFile, IsNeverReplaced) {
  write(path("key"), "the old one");
  const auto again = write_private_file(system_files(), random_, path("key"), "another");
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(read(path("key")), "the old one");
  std::filesystem::create_symlink("/nowhere", path("link"));
  EXPECT_FALSE(write_private_file(system_files(), random_, path("link"), "another").ok());
}

TEST_F(PrivateFile, WithoutADirectoryNothingIsLeft) {
  const auto written = write_private_file(system_files(), random_, path("no/key"), "secret");
  ASSERT_FALSE(written.ok());
  EXPECT_THAT(written.error().hint, HasSubstr(path("no") + " must exist"));
}

TEST_F(PrivateFile, WhatOthersMayReadOrWriteIsRefused) {
  for (const mode_t mode : {0640, 0604, 0620, 0602, 0644, 0666}) {
    write(path("key"), "secret", mode);
    const Error error = refused("key");
    EXPECT_EQ(error.kind, ErrorKind::kDenied);
    EXPECT_THAT(error.message, HasSubstr("open to other users"));
    EXPECT_THAT(error.hint, HasSubstr("chmod 600 " + path("key")));
  }
  for (const mode_t mode : {0600, 0400, 0700, 0611}) {
    write(path("key"), "secret", mode);
    EXPECT_TRUE(load("key").ok()) << mode;
  }
}

TEST_F(PrivateFile, OfAnotherUserIsRefused) {
  write(path("key"), "secret");
  if (geteuid() != 0) {
    EXPECT_THAT(refused("key", geteuid() + 1).message, HasSubstr("belongs to another user"));
    return;
  }
  EXPECT_TRUE(read_private_file(system_files(), path("key"), 4711, "").ok())
      << "root's is everyone's";
  ASSERT_EQ(chown(path("key").c_str(), 4711, 4711), 0);
  EXPECT_TRUE(read_private_file(system_files(), path("key"), 4711, "").ok());
  const Error error = refused("key", 0);
  EXPECT_EQ(error.kind, ErrorKind::kDenied);
  EXPECT_EQ(error.hint, "run walkback as that user");
}

TEST_F(PrivateFile, ALinkCountsAsWhatItPointsTo) {
  write(path("open"), "secret", 0644);
  std::filesystem::create_symlink(path("open"), path("link"));
  EXPECT_EQ(refused("link").kind, ErrorKind::kDenied);
}

TEST_F(PrivateFile, WhatIsNoKeyFileIsNotRead) {
  EXPECT_EQ(refused("absent").kind, ErrorKind::kMissing);
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_THAT(refused("pipe").message, HasSubstr("no regular file"));
  write(path("large"), std::string(kMostKeyFileBytes + 1, 'x'));
  EXPECT_THAT(refused("large").message, HasSubstr("no key file"));
}

TEST_F(PrivateFile, SurvivesAPowerCutWholeOrNotAtAll) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    for (uint64_t moment = 1;; ++moment) {
      SimulatedFiles files(seed);
      files.fail_at_operation(moment);
      const bool told = write_private_file(files, random_, "/key", "secret\n").ok();
      if (!files.failed()) break;
      files.reboot();
      const auto info = files.status("/key").value();
      EXPECT_FALSE(told) << "seed " << seed << ", moment " << moment;
      if (!info) continue;
      EXPECT_EQ(read_private_file(files, "/key", info->owner, "").value().view(), "secret\n");
    }
    SimulatedFiles files(seed);
    ASSERT_TRUE(write_private_file(files, random_, "/key", "secret\n").ok());
    files.power_cut(seed);
    files.reboot();
    EXPECT_TRUE(files.status("/key").value()) << "what was told is there";
  }
}

}  // namespace
}  // namespace walkback::keys
