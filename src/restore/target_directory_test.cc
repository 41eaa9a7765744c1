#include "restore/target_directory.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/forwarding_files.h"
#include "pgconn/testing/scratch_cluster.h"
#include "restore/recovered_settings.h"
#include "restore/running_servers.h"
#include "restore/unfinished.h"

namespace walkback::restore {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using pgconn::testing::ScratchCluster;
using pgconn::testing::ScratchDirectory;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(LayOutTarget, ATablespaceWithoutAMappingGoesBesideTheCopyNeverToTheOriginal) {
  auto layout = lay_out_target("/srv//copy/", {{16390, "/srv/live_ts"}}, {});
  ASSERT_TRUE(layout.ok());
  EXPECT_EQ(layout->data_directory, "/srv/copy");
  EXPECT_EQ(layout->tablespaces.at(0).oid, 16390u);
  EXPECT_EQ(layout->tablespaces.at(0).location, "/srv/copy.tablespaces/16390");
}

TEST(LayOutTarget, AMappingIsFoundHoweverItsPathIsSpelt) {
  auto layout =
      lay_out_target("/srv/copy", {{1, "/srv/a"}, {2, "/srv/b"}}, {{"/srv//b/", "/srv/new_b/"}});
  ASSERT_TRUE(layout.ok());
  EXPECT_EQ(layout->tablespaces.at(0).location, "/srv/copy.tablespaces/1");
  EXPECT_EQ(layout->tablespaces.at(1).location, "/srv/new_b");
}

TEST(LayOutTarget, ARelativePathIsMadeAbsolute) {
  auto layout = lay_out_target("copy", {}, {});
  ASSERT_TRUE(layout.ok());
  EXPECT_EQ(layout->data_directory, (fs::current_path() / "copy").string());
}

TEST(LayOutTarget, AMappingOfNoTablespaceListsThoseThereAre) {
  auto layout = lay_out_target("/srv/copy", {{1, "/srv/a"}}, {{"/srv/x", "/srv/y"}});
  ASSERT_FALSE(layout.ok());
  EXPECT_EQ(layout.error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(layout.error().message, HasSubstr("/srv/x"));
  EXPECT_THAT(layout.error().hint, HasSubstr("/srv/a"));
  EXPECT_FALSE(lay_out_target("/srv/copy", {{1, "/a"}}, {{"/a", "/b"}, {"/a/", "/c"}}).ok());
  EXPECT_FALSE(lay_out_target("", {}, {}).ok());
}

// A live cluster made of directories and links alone, as check_target() sees it.
class CheckTarget : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name :
         {"live/pg_tblspc", "live/base/5", "live_wal", "live_ts/PG_15_202209061", "other"}) {
      fs::create_directories(scratch_ / name);
    }
    write("live/PG_VERSION", "15\n");
    fs::create_directory_symlink(scratch_ / "live_wal", scratch_ / "live/pg_wal");
    fs::create_directory_symlink(scratch_ / "live_ts", scratch_ / "live/pg_tblspc/16390");
  }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(scratch_ / name) << text;
  }

  // "" when it may be written to.
  std::string check(const std::string& data, const std::vector<std::string>& tablespaces = {},
                    std::string live = "live") {
    TargetLayout layout{.data_directory = scratch_ / data, .tablespaces = {}};
    for (const std::string& tablespace : tablespaces) {
      layout.tablespaces.push_back({16390, scratch_ / tablespace});
    }
    TargetNeed need{.data_directory_bytes = 1,
                    .tablespace_bytes = std::vector<uint64_t>(tablespaces.size())};
    auto before = fs::last_write_time(scratch_.path());
    Result<void> checked =
        check_target(system_files(), layout, need,
                     {.live_pgdata = scratch_ / live, .repositories = {scratch_ / "repo"}});
    EXPECT_EQ(fs::last_write_time(scratch_.path()), before) << "it wrote something";
    if (checked.ok()) return "";
    EXPECT_EQ(checked.error().kind, ErrorKind::kConflict) << checked.error().message;
    EXPECT_FALSE(checked.error().hint.empty());
    return checked.error().message;
  }

  ScratchDirectory scratch_;
};

TEST_F(CheckTarget, ADirectoryThatIsEmptyOrNotThereYetIsFree) {
  EXPECT_EQ(check("new"), "");
  EXPECT_EQ(check("new/deep/er", {"new_ts/deep"}), "");
  EXPECT_EQ(check("other"), "");
  fs::create_directory_symlink(scratch_ / "other", scratch_ / "link");
  EXPECT_EQ(check("link"), "");
  EXPECT_EQ(check("link/new"), "");
}

// A file system whose table of mounts says this.
class WithMounts final : public ForwardingFiles {
 public:
  explicit WithMounts(std::string table)
      : ForwardingFiles(system_files()), table_(std::move(table)) {}
  Result<std::unique_ptr<File>> open_read(const std::string& path) override {
    if (path != "/proc/self/mountinfo") return ForwardingFiles::open_read(path);
    char name[] = "/tmp/walkback-mounts-XXXXXX";
    close(mkstemp(name));
    std::ofstream(name) << table_;
    auto file = ForwardingFiles::open_read(name);
    fs::remove(name);
    return file;
  }

 private:
  const std::string table_;
};

// A bind mount of live/base/5 on other: of neither has the walk up from the one the other's inode.
TEST_F(CheckTarget, ADirectoryBelowABindMountOfALiveOneIsRefused) {
  const std::string base = scratch_ / "live/base";
  WithMounts files(
      fmt::format("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
                  "23 22 8:1 {}/5 {} rw - ext4 /dev/sda1 rw\n",
                  base, scratch_ / "other"));
  const TargetLayout layout{.data_directory = scratch_ / "other/new", .tablespaces = {}};
  const Neighbours neighbours{.live_pgdata = scratch_ / "live", .repositories = {}};
  const Result<void> checked = check_target(files, layout, {}, neighbours);
  ASSERT_FALSE(checked.ok());
  EXPECT_THAT(checked.error().message, HasSubstr("lies inside the live cluster's data directory"));
  EXPECT_TRUE(check_target(system_files(), layout, {}, neighbours).ok()) << "it is the mount alone";
}

// Files that fail, as a mount does whose process is gone, in one directory: so many times.
class DyingMount final : public ForwardingFiles {
 public:
  DyingMount(FileSystem& files, std::string directory, int times)
      : ForwardingFiles(files), directory_(std::move(directory)), times_(times) {}
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override {
    if (path != directory_ || times_-- <= 0) return ForwardingFiles::list(path);
    return errno_error(ECONNABORTED, "listing " + path);
  }

 private:
  const std::string directory_;
  int times_;
};

TEST(CheckTargetOnThisHost, AnotherScratchServerThatGoesIsInNobodysWay) {
  ScratchDirectory elsewhere;
  ScratchCluster cluster;
  cluster.start();
  const std::string running = system_files().canonical(cluster.pgdata()).value();
  const TargetLayout layout{.data_directory = elsewhere / "new", .tablespaces = {}};
  const Neighbours neighbours{.live_pgdata = "", .repositories = {}, .running = true};
  const auto check = [&](FileSystem& files, int times) {
    DyingMount dying(files, running, times);
    return check_target(dying, layout, {}, neighbours);
  };
  EXPECT_TRUE(check(system_files(), 1).ok()) << "unmounted meanwhile";
  EXPECT_FALSE(check(system_files(), 9).ok()) << "a cluster that cannot be looked at is one";
  WithMounts mounted(
      fmt::format("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
                  "23 22 0:99 / {} rw - fuse.walkback walkback rw\n",
                  running));
  EXPECT_TRUE(check(mounted, 9).ok()) << "not unmounted yet";
}

TEST(CheckTargetOnThisHost, WhereAnyClusterRunsNothingIsMade) {
  ScratchDirectory elsewhere;
  fs::permissions(elsewhere.path(), fs::perms::all);
  const std::string wal = elsewhere / "wal";
  ScratchCluster cluster({"-X", wal});
  cluster.start();
  const TargetLayout layout{.data_directory = wal + "/archive_status/new", .tablespaces = {}};
  EXPECT_TRUE(check_target(system_files(), layout, {}, {}).ok()) << "nobody asked";
  const Neighbours neighbours{.live_pgdata = "", .repositories = {}, .running = true};
  const Result<void> checked = check_target(system_files(), layout, {}, neighbours);
  ASSERT_FALSE(checked.ok());
  EXPECT_THAT(checked.error().message, HasSubstr("the running cluster in " + cluster.pgdata()));
}

TEST_F(CheckTarget, ADirectoryInUseIsRefused) {
  write("other/precious", "x");
  EXPECT_THAT(check("other"), HasSubstr("not empty"));
  EXPECT_THAT(check("new", {"other"}), HasSubstr("not empty"));
  EXPECT_THAT(check("other/precious"), HasSubstr("not a directory"));
  EXPECT_THAT(check("other/precious/below"), HasSubstr("not a directory"));
  fs::create_symlink(scratch_ / "nowhere", scratch_ / "dangling");
  EXPECT_THAT(check("dangling"), HasSubstr("leads nowhere"));
  EXPECT_THAT(check("dangling/below"), HasSubstr("leads nowhere"));
}

TEST_F(CheckTarget, NothingMayLieInsideTheLiveCluster) {
  EXPECT_THAT(check("live"), HasSubstr("is the live cluster's data directory"));
  EXPECT_THAT(check("live/new"), HasSubstr("lies inside the live cluster's data directory"));
  EXPECT_THAT(check("live/base/5/new"), HasSubstr("lies inside"));
  EXPECT_THAT(check("live_wal"), HasSubstr("pg_wal"));
  EXPECT_THAT(check("live_wal/new"), HasSubstr("pg_wal"));
  EXPECT_THAT(check("live_ts/new"), HasSubstr("tablespace 16390"));
  EXPECT_THAT(check("new", {"live_ts"}), HasSubstr("is the tablespace 16390"));
  EXPECT_THAT(check("new", {"live/pg_tblspc/new"}), HasSubstr("lies inside"));
}

TEST_F(CheckTarget, ALinkIntoTheLiveClusterDeceivesNobody) {
  fs::create_directory_symlink(scratch_ / "live/base", scratch_ / "innocent");
  EXPECT_THAT(check("innocent/new"), HasSubstr("lies inside the live cluster's data directory"));
  fs::create_directory_symlink(scratch_ / "live_ts", scratch_ / "innocent_ts");
  EXPECT_THAT(check("new", {"innocent_ts/copy"}), HasSubstr("tablespace 16390"));
  EXPECT_THAT(check("other/../live/new"), HasSubstr("lies inside"));
  fs::create_directory_symlink(scratch_ / "live", scratch_ / "live_link");
  EXPECT_THAT(check("live/new", {}, "live_link"), HasSubstr("lies inside"));
}

TEST_F(CheckTarget, NothingMayLieAroundTheLiveCluster) {
  EXPECT_THAT(check(""), HasSubstr("lies around the live cluster's data directory"));
}

TEST_F(CheckTarget, TheRepositoryIsNoPlaceForACopyNorTheOtherWayRound) {
  EXPECT_THAT(check("repo"), HasSubstr("is the repository"));
  EXPECT_THAT(check("repo/copy"), HasSubstr("lies inside the repository"));
  EXPECT_THAT(check("new", {"repo/ts"}), HasSubstr("lies inside the repository"));
  fs::create_directories(scratch_ / "disk");
  fs::create_directory_symlink(scratch_ / "disk", scratch_ / "repo");
  EXPECT_THAT(check("disk/copy"), HasSubstr("lies inside the repository"));
  EXPECT_EQ(check("repo.copy"), "");
}

TEST_F(CheckTarget, AnUnfinishedRestoreIsToBeRemoved) {
  fs::create_directories(scratch_ / "copy");
  ASSERT_TRUE(begin_copy(system_files(), scratch_ / "copy").ok());
  EXPECT_THAT(check("copy"), HasSubstr("is an unfinished restore"));
  fs::create_directories(scratch_ / "copy.tablespaces");
  EXPECT_EQ(unfinished_restore(system_files(), scratch_ / "copy").hint,
            "remove it, `rm -r " + (scratch_ / "copy ") + (scratch_ / "copy.tablespaces") +
                "`, and recover again");
  fs::create_directories(scratch_ / "copy/global");
  write("copy/global/pg_control", "");
  EXPECT_THAT(check("copy"), HasSubstr("is not empty"));
}

TEST_F(CheckTarget, AnUnfinishedRestoreWithAMarkIsGoneOnWith) {
  fs::create_directories(scratch_ / "copy");
  ASSERT_TRUE(write_mark(system_files(), scratch_ / "copy", {{7312}, ""}).ok());
  EXPECT_THAT(check("copy"), HasSubstr("is an unfinished restore"));
  EXPECT_THAT(unfinished_restore(system_files(), scratch_ / "copy").hint,
              AllOf(HasSubstr("--delta"), HasSubstr("rm -r")));
  ASSERT_TRUE(write_mark(system_files(), scratch_ / "copy", {{7312}, "/srv/copy.kept/1"}).ok());
  const auto mark = read_mark(system_files(), scratch_ / "copy").value();
  EXPECT_EQ(mark->system_identifier.value, 7312u);
  EXPECT_EQ(mark->kept_directory, "/srv/copy.kept/1");
  // It began with somebody's files.
  EXPECT_THAT(unfinished_restore(system_files(), scratch_ / "copy").hint,
              AllOf(HasSubstr("--delta"), Not(HasSubstr("rm -r"))));
  ASSERT_TRUE(remove_mark(system_files(), scratch_ / "copy").ok());
  EXPECT_FALSE(read_mark(system_files(), scratch_ / "copy").value().has_value());
}

// To remove it would be to remove what another writes.
TEST_F(CheckTarget, ARestoreThatGoesOnIsLeftAlone) {
  fs::create_directories(scratch_ / "copy");
  {
    const auto recovery = system_files().lock_directory(scratch_ / "copy").value();
    ASSERT_NE(recovery, nullptr);
    ASSERT_TRUE(begin_copy(system_files(), scratch_ / "copy").ok());
    EXPECT_THAT(check("copy"), HasSubstr("another recovery is writing into"));
    EXPECT_THAT(unfinished_restore(system_files(), scratch_ / "copy").hint,
                Not(HasSubstr("rm -r")));
    EXPECT_EQ(begin_copy(system_files(), scratch_ / "copy").error().kind, ErrorKind::kConflict);
  }
  EXPECT_THAT(check("copy"), HasSubstr("is an unfinished restore"));
}

TEST_F(CheckTarget, ALostClusterMayComeBackToWhereItWas) {
  EXPECT_EQ(check("gone", {}, "gone"), "");
  EXPECT_EQ(check("other", {}, "other"), "");
}

TEST_F(CheckTarget, AnotherClustersDirectoriesAreNotFreeEither) {
  fs::create_directories(scratch_ / "second/empty");
  write("second/PG_VERSION", "15\n");
  EXPECT_THAT(check("second/empty"), HasSubstr("belongs to a PostgreSQL cluster"));
  EXPECT_THAT(check("second/base/new"), HasSubstr("belongs to a PostgreSQL cluster"));
  EXPECT_THAT(check("new", {"live_ts/copy"}, "gone"), HasSubstr("belongs to a PostgreSQL cluster"));
}

TEST_F(CheckTarget, TheCopysDirectoriesMayNotShareOne) {
  EXPECT_THAT(check("new", {"new"}), HasSubstr("same"));
  EXPECT_THAT(check("new", {"new/ts"}), HasSubstr("inside"));
  EXPECT_THAT(check("ts/new", {"ts"}), HasSubstr("inside"));
  EXPECT_THAT(check("new", {"ts", "ts"}), HasSubstr("same"));
  EXPECT_EQ(check("new", {"new_ts", "new.tablespaces/1"}), "")
      << "a common beginning is not nesting";
  fs::create_directory_symlink(scratch_ / "other", scratch_ / "alias");
  EXPECT_THAT(check("other/a", {"alias/a"}), HasSubstr("same"));
}

TEST_F(CheckTarget, SpaceIsSummedForEachFileSystem) {
  uint64_t free_bytes = system_files().disk_space(scratch_.path()).value().free_bytes;
  TargetLayout layout{.data_directory = scratch_ / "new",
                      .tablespaces = {{1, scratch_ / "ts/deep"}}};
  TargetNeed half{.data_directory_bytes = free_bytes / 3, .tablespace_bytes = {free_bytes / 3}};
  EXPECT_TRUE(check_target(system_files(), layout, half, {}).ok());
  TargetNeed both{.data_directory_bytes = free_bytes / 3 * 2,
                  .tablespace_bytes = {free_bytes / 3 * 2}};
  Result<void> checked = check_target(system_files(), layout, both, {});
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.error().kind, ErrorKind::kNoSpace);
  EXPECT_THAT(checked.error().message, HasSubstr("iB free"));
}

TEST_F(CheckTarget, APathThatGoesUpFromNowhereIsInvalid) {
  TargetLayout layout{.data_directory = scratch_ / "nowhere/../live/x", .tablespaces = {}};
  Result<void> checked = check_target(system_files(), layout, {}, {scratch_ / "live", {}});
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.error().kind, ErrorKind::kInvalid);
}

class RunningServer : public ::testing::Test {
 protected:
  bool running(const std::string& pgdata) {
    Result<bool> answer = server_is_running(system_files(), pgdata);
    EXPECT_TRUE(answer.ok());
    return answer.ok() && *answer;
  }
  ScratchDirectory scratch_;
};

TEST_F(RunningServer, IsRecognisedAndNoLongerOnceItStopped) {
  ScratchCluster cluster;
  EXPECT_FALSE(running(cluster.pgdata()));
  cluster.start();
  EXPECT_TRUE(running(cluster.pgdata()));
  TargetLayout layout{.data_directory = cluster.pgdata(), .tablespaces = {}};
  Result<void> checked = check_target(system_files(), layout, {}, {});
  ASSERT_FALSE(checked.ok());
  EXPECT_THAT(checked.error().message, HasSubstr("running server"));
  auto found = find_running_server(system_files(), cluster.pgdata()).value();
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->port, cluster.port());
  EXPECT_EQ(found->socket_directory, cluster.directory());
  cluster.crash();
  EXPECT_FALSE(find_running_server(system_files(), cluster.pgdata()).value().has_value());
  EXPECT_TRUE(fs::exists(cluster.pgdata() + "/postmaster.pid"));
  EXPECT_FALSE(running(cluster.pgdata())) << "a stale pid file is no server";
}

TEST_F(RunningServer, OnlyWhatIsStoppedIsGoneOnFrom) {
  ScratchCluster cluster;
  const std::string pgdata = cluster.pgdata();
  EXPECT_TRUE(check_is_stopped(system_files(), pgdata).ok());
  cluster.start();
  EXPECT_THAT(check_is_stopped(system_files(), pgdata).error().message,
              HasSubstr("running server"));
  const std::string canonical = system_files().canonical(pgdata).value();
  EXPECT_THAT(running_data_directories(system_files()).value(), ::testing::Contains(canonical));
  // Without its word it is still seen at work, and by its shared memory.
  fs::rename(pgdata + "/postmaster.pid", pgdata + "/aside");
  EXPECT_THAT(check_is_stopped(system_files(), pgdata).error().message,
              HasSubstr("processes of a server"));
  fs::rename(pgdata + "/aside", pgdata + "/postmaster.pid");
  cluster.crash();
  // Its other processes end when they notice that the postmaster is gone.
  const auto is_stopped = [&] { return check_is_stopped(system_files(), pgdata).ok(); };
  for (int i = 0; i < 600 && !is_stopped(); ++i) std::this_thread::sleep_for(50ms);
  EXPECT_TRUE(is_stopped());
}

// A cluster that was copied, links and all: what it would write to is another's.
TEST_F(CheckTarget, ACopiesTablespacesThatAreTheLiveClustersAreNotReused) {
  fs::create_directories(scratch_ / "stale/pg_tblspc");
  fs::create_directory_symlink(scratch_ / "live_ts", scratch_ / "stale/pg_tblspc/16390");
  const TargetLayout layout{scratch_ / "stale", {{16390, scratch_ / "live_ts"}}, {}};
  const ReusedPlaces reused{{scratch_ / "stale", scratch_ / "live_ts"},
                            {scratch_ / "stale", scratch_ / "live_ts"},
                            scratch_ / "stale.kept"};
  const TargetNeed need{1, {0}};
  const auto checked = check_target(system_files(), layout, need, {scratch_ / "live", {}}, reused);
  ASSERT_FALSE(checked.ok());
  EXPECT_THAT(checked.error().message, HasSubstr("tablespace 16390 of the live cluster"));
}

TEST_F(CheckTarget, TheClustersOwnDirectoryIsReusedOnlyWhenThatIsWhatIsAskedFor) {
  const TargetLayout layout{scratch_ / "live", {{16390, scratch_ / "live_ts"}}, {}};
  const Neighbours neighbours{scratch_ / "live", {scratch_ / "repo"}};
  const TargetNeed need{1, {0}};
  EXPECT_FALSE(check_target(system_files(), layout, need, neighbours).ok());
  ReusedPlaces reused{{scratch_ / "live", scratch_ / "live_ts", scratch_ / "live_wal"},
                      {scratch_ / "live", scratch_ / "live_ts"},
                      scratch_ / "live.kept"};
  const auto checked = check_target(system_files(), layout, need, neighbours, reused);
  EXPECT_TRUE(checked.ok()) << checked.error().message;
  // And what is not said to hold files of ours must be empty.
  reused.may_hold_files.pop_back();
  EXPECT_FALSE(check_target(system_files(), layout, need, neighbours, reused).ok());
}

TEST_F(RunningServer, AnotherProcessWithItsNumberIsNotOne) {
  std::ofstream(scratch_ / "postmaster.pid") << getpid() << "\n" << scratch_.path() << "\n";
  EXPECT_FALSE(running(scratch_.path()));
}

TEST_F(RunningServer, AZombieIsNotOne) {
  pid_t child = fork();
  if (child == 0) _exit(0);
  siginfo_t info;
  waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT);
  std::ofstream(scratch_ / "postmaster.pid") << child << "\n";
  EXPECT_FALSE(running(scratch_.path()));
  waitpid(child, nullptr, 0);
}

TEST_F(RunningServer, APidFileThatSaysNothingMayBeOneThatStarts) {
  std::ofstream(scratch_ / "postmaster.pid").close();
  EXPECT_TRUE(running(scratch_.path()));
}

}  // namespace
}  // namespace walkback::restore
