#include "restore/host_memory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "pgconn/testing/run_process.h"

namespace walkback::restore {
namespace {

class HostMemory : public ::testing::Test {
 protected:
  void has(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(scratch_ / name).parent_path());
    std::ofstream(scratch_ / name) << text;
  }
  uint64_t usable() { return usable_memory_bytes(system_files(), scratch_.path()); }

  pgconn::testing::ScratchDirectory scratch_;
  const uint64_t all_ = usable();  // nothing there limits anything yet
};

constexpr uint64_t kMiB = 1 << 20;

TEST_F(HostMemory, WithoutLimitsItIsTheHosts) {
  EXPECT_GT(all_, 64 * kMiB);
  has("proc/self/cgroup", "0::/system.slice/x.service\n");
  has("sys/fs/cgroup/system.slice/x.service/memory.max", "max\n");
  EXPECT_EQ(usable(), all_);
}

TEST_F(HostMemory, TheSmallestOfTheGroupsAboveCounts) {
  has("proc/self/cgroup", "0::/system.slice/x.service\n");
  has("sys/fs/cgroup/system.slice/x.service/memory.max", "50331648\n");
  EXPECT_EQ(usable(), 48 * kMiB);
  has("sys/fs/cgroup/system.slice/memory.max", "33554432\n");
  EXPECT_EQ(usable(), 32 * kMiB);
}

TEST_F(HostMemory, InAContainerTheMountsTopIsTheGroup) {
  has("proc/self/cgroup", "0::/\n");
  has("sys/fs/cgroup/memory.max", "16777216\n");
  EXPECT_EQ(usable(), 16 * kMiB);
}

TEST_F(HostMemory, Version1HasAHierarchyForMemory) {
  has("proc/self/cgroup", "12:cpu,cpuacct:/docker/abc\n7:memory:/docker/abc\n");
  has("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "25165824\n");
  has("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(usable(), 24 * kMiB);
}

}  // namespace
}  // namespace walkback::restore
