#include "base/testing/simulated_files.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <set>
#include <thread>

#include "base/testing/manual_clock.h"

namespace walkback {
namespace {

constexpr uint64_t kSeeds = 200;
const std::string kText(3 * SimulatedContents::kPageSize, 'n');

// What was seen over many seeds.
using Outcomes = std::set<std::string>;

std::string contents_of(SimulatedFiles& files, const std::string& path) {
  Result<Bytes> bytes = read_file(files, path);
  return bytes.ok() ? std::string(as_text(*bytes))
                    : std::string(error_kind_name(bytes.error().kind));
}

// "new", "old", "missing", or "torn" for anything else.
std::string look_at(SimulatedFiles& files, const std::string& path) {
  std::string text = contents_of(files, path);
  if (text == kText) return "new";
  if (text == "old" || text == "missing") return text;
  return "torn";
}

void write(SimulatedFiles& files, const std::string& path, std::string_view text) {
  auto file = files.create(path, 0600).value();
  ASSERT_TRUE(file->write_at(0, as_bytes(text)).ok());
}

// Tells `story`, cuts the power, and says what is left at `path`; for many seeds.
Outcomes after_power_cuts(const std::string& path,
                          const std::function<void(SimulatedFiles&)>& story) {
  Outcomes outcomes;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SimulatedFiles files(seed);
    story(files);
    files.power_cut(seed);
    files.reboot();
    outcomes.insert(look_at(files, path));
  }
  return outcomes;
}

TEST(SimulatedFiles, AFileNobodySyncedIsWholeTornOrGone) {
  Outcomes outcomes = after_power_cuts("/f", [](auto& files) { write(files, "/f", kText); });
  EXPECT_EQ(outcomes, (Outcomes{"new", "torn", "missing"}));
}

TEST(SimulatedFiles, ASyncedFileIsWholeButItsNameMayBeGone) {
  Outcomes outcomes = after_power_cuts("/f", [](auto& files) {
    write(files, "/f", kText);
    ASSERT_TRUE(files.open_write("/f").value()->sync().ok());
  });
  EXPECT_EQ(outcomes, (Outcomes{"new", "missing"}));
}

TEST(SimulatedFiles, ASyncedNameMayLeadToATornFile) {
  Outcomes outcomes = after_power_cuts("/f", [](auto& files) {
    write(files, "/f", kText);
    ASSERT_TRUE(files.sync_directory("/").ok());
  });
  EXPECT_EQ(outcomes, (Outcomes{"new", "torn"}));
}

TEST(SimulatedFiles, FileAndNameSyncedSurvive) {
  Outcomes outcomes = after_power_cuts("/f", [](auto& files) {
    write(files, "/f", kText);
    ASSERT_TRUE(files.open_write("/f").value()->sync().ok());
    ASSERT_TRUE(files.sync_directory("/").ok());
  });
  EXPECT_EQ(outcomes, (Outcomes{"new"}));
}

TEST(SimulatedFiles, SyncingTheFileSystemKeepsEverything) {
  Outcomes outcomes = after_power_cuts("/a/b/f", [](auto& files) {
    ASSERT_TRUE(files.make_directory("/a", 0700).ok());
    ASSERT_TRUE(files.make_directory("/a/b", 0700).ok());
    write(files, "/a/b/f", kText);
    ASSERT_TRUE(files.sync_file_system("/a").ok());
  });
  EXPECT_EQ(outcomes, (Outcomes{"new"}));
}

TEST(SimulatedFiles, ADirectoryIsOnlyAsDurableAsItsOwnName) {
  Outcomes outcomes = after_power_cuts("/a/f", [](auto& files) {
    ASSERT_TRUE(files.make_directory("/a", 0700).ok());
    write(files, "/a/f", kText);
    ASSERT_TRUE(files.open_write("/a/f").value()->sync().ok());
    ASSERT_TRUE(files.sync_directory("/a").ok());
  });
  EXPECT_EQ(outcomes, (Outcomes{"new", "missing"}));
}

TEST(SimulatedFiles, ARenameShowsTheOldNameTheNewOneOrBothButNeverNeither) {
  Outcomes pairs;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SimulatedFiles files(seed);
    ASSERT_TRUE(files.make_directory("/a", 0700).ok());
    ASSERT_TRUE(files.make_directory("/b", 0700).ok());
    write(files, "/a/from", kText);
    ASSERT_TRUE(files.sync_file_system("/").ok());
    ASSERT_TRUE(files.rename("/a/from", "/b/to").ok());
    files.power_cut(seed);
    files.reboot();
    pairs.insert(look_at(files, "/a/from") + " " + look_at(files, "/b/to"));
  }
  EXPECT_EQ(pairs, (Outcomes{"new missing", "new new", "missing new"}));
}

TEST(SimulatedFiles, AReplacedFileIsTheOldOrTheNewOne) {
  Outcomes outcomes = after_power_cuts("/f", [](auto& files) {
    write(files, "/f", "old");
    write(files, "/tmp", kText);
    ASSERT_TRUE(files.sync_file_system("/").ok());
    ASSERT_TRUE(files.rename("/tmp", "/f").ok());
  });
  EXPECT_EQ(outcomes, (Outcomes{"old", "new"}));
}

TEST(SimulatedFiles, ARemovedFileMayComeBackUntilItsDirectoryIsSynced) {
  auto remove = [](auto& files) {
    write(files, "/f", kText);
    ASSERT_TRUE(files.sync_file_system("/").ok());
    ASSERT_TRUE(files.remove("/f").ok());
  };
  EXPECT_EQ(after_power_cuts("/f", remove), (Outcomes{"new", "missing"}));
  Outcomes synced = after_power_cuts("/f", [&](auto& files) {
    remove(files);
    ASSERT_TRUE(files.sync_directory("/").ok());
  });
  EXPECT_EQ(synced, (Outcomes{"missing"}));
}

TEST(SimulatedFiles, ARenamedDirectoryHasOneName) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SimulatedFiles files(seed);
    ASSERT_TRUE(files.make_directory("/a", 0700).ok());
    write(files, "/a/f", kText);
    ASSERT_TRUE(files.sync_file_system("/").ok());
    ASSERT_TRUE(files.rename("/a", "/b").ok());
    files.power_cut(seed);
    files.reboot();
    EXPECT_EQ((look_at(files, "/a/f") == "new") + (look_at(files, "/b/f") == "new"), 1) << seed;
  }
}

TEST(SimulatedFiles, AfterAFailedSyncALaterOneDoesNotBringThePagesBack) {
  Outcomes outcomes = after_power_cuts("/f", [](auto& files) {
    write(files, "/f", kText);
    ASSERT_TRUE(files.sync_directory("/").ok());
    auto file = files.open_write("/f").value();
    files.fail_next(SimulatedFiles::Operation::kSync);
    ASSERT_EQ(file->sync().error().kind, ErrorKind::kIo);
    ASSERT_TRUE(file->sync().ok());
  });
  EXPECT_TRUE(outcomes.contains("torn"));
}

TEST(SimulatedFiles, NothingWorksUntilReboot) {
  SimulatedFiles files(1);
  write(files, "/f", kText);
  auto file = files.open_read("/f").value();
  files.power_cut(1);
  Bytes page(10);
  EXPECT_TRUE(files.failed());
  EXPECT_EQ(file->read_at(0, page).error().kind, ErrorKind::kIo);
  EXPECT_EQ(files.list("/").error().kind, ErrorKind::kIo);
  EXPECT_EQ(files.create("/g", 0600).error().kind, ErrorKind::kIo);
  files.reboot();
  EXPECT_FALSE(files.failed());
  EXPECT_TRUE(files.list("/").ok());
  EXPECT_FALSE(file->read_at(0, page).ok()) << "a handle from before the power cut";
}

TEST(SimulatedFiles, EachOperationCanBeTheMomentOfTheCut) {
  auto story = [](SimulatedFiles& files) -> Result<void> {
    TRY(files.make_directory("/d", 0700));
    auto file = TRY(files.create("/d/f", 0600));
    TRY(file->write_at(0, as_bytes(kText)));
    TRY(file->sync());
    TRY(files.rename("/d/f", "/d/g"));
    return files.sync_directory("/d");
  };
  SimulatedFiles whole(1);
  ASSERT_TRUE(story(whole).ok());
  EXPECT_EQ(whole.operations(), 6u);
  for (uint64_t moment = 1; moment <= 6; ++moment) {
    SimulatedFiles files(moment);
    files.fail_at_operation(moment);
    EXPECT_FALSE(story(files).ok());
    EXPECT_TRUE(files.failed());
    EXPECT_EQ(files.operations(), moment);
  }
  SimulatedFiles files(7);
  files.fail_at_operation(7);
  EXPECT_TRUE(story(files).ok());
  EXPECT_FALSE(files.failed());
}

TEST(SimulatedFiles, AnInterruptedWriteMayBePartlyDone) {
  Outcomes outcomes;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SimulatedFiles files(seed);
    write(files, "/f", "old");
    files.fail_at_operation(1, SimulatedFiles::Failure::kKilled);
    EXPECT_FALSE(files.open_write("/f").value()->write_at(0, as_bytes(kText)).ok());
    files.reboot();
    outcomes.insert(look_at(files, "/f"));
  }
  EXPECT_EQ(outcomes, (Outcomes{"old", "torn"}));
}

TEST(SimulatedFiles, AKilledProcessLeavesWhatTheKernelHasAndAPowerCutStillTakesIt) {
  Outcomes outcomes;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SimulatedFiles files(seed);
    write(files, "/f", kText);
    files.fail_at_operation(1, SimulatedFiles::Failure::kKilled);
    EXPECT_FALSE(files.sync_directory("/").ok());
    files.reboot();
    EXPECT_EQ(look_at(files, "/f"), "new");
    files.power_cut(seed);
    files.reboot();
    outcomes.insert(look_at(files, "/f"));
  }
  EXPECT_TRUE(outcomes.contains("missing"));
  EXPECT_TRUE(outcomes.contains("torn"));
}

TEST(SimulatedFiles, ASeedRepeatsItself) {
  auto run = [](uint64_t seed) {
    SimulatedFiles files(seed);
    for (char name = 'a'; name < 'i'; ++name) write(files, std::string("/") + name, kText);
    files.power_cut(seed);
    files.reboot();
    std::string left;
    for (const DirectoryEntry& entry : files.list("/").value()) {
      left += entry.name + contents_of(files, "/" + entry.name);
    }
    return left;
  };
  Outcomes different;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    EXPECT_EQ(run(seed), run(seed));
    different.insert(run(seed));
  }
  EXPECT_GT(different.size(), 5u);
}

TEST(SimulatedFiles, ReplaceFileKeepsItsPromiseAtEveryMoment) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    for (uint64_t moment = 1;; ++moment) {
      SimulatedFiles files(seed * 1000 + moment);
      ASSERT_TRUE(replace_file(files, "/f", as_bytes("old"), 0600).ok());
      files.fail_at_operation(moment);
      bool replaced = replace_file(files, "/f", as_bytes(kText), 0600).ok();
      if (replaced) files.power_cut(seed);
      files.reboot();
      std::string left = look_at(files, "/f");
      EXPECT_TRUE(left == "new" || (left == "old" && !replaced)) << left << " at " << moment;
      if (replaced) break;
    }
  }
}

TEST(SimulatedFiles, TheDiskFillsUp) {
  SimulatedFiles files(1);
  files.limit_space(100);
  auto file = files.create("/f", 0600).value();
  EXPECT_TRUE(file->write_at(0, as_bytes(std::string(60, 'x'))).ok());
  EXPECT_EQ(files.disk_space("/").value().free_bytes, 40u);
  EXPECT_EQ(file->write_at(60, as_bytes(std::string(60, 'x'))).error().kind, ErrorKind::kNoSpace);
  EXPECT_EQ(file->size().value(), 100u);
  files.limit_space(std::nullopt);
  EXPECT_TRUE(file->write_at(60, as_bytes(std::string(60, 'x'))).ok());
}

TEST(SimulatedFiles, ADeniedPathIsDeniedWithAllBelowIt) {
  SimulatedFiles files(1);
  ASSERT_TRUE(files.make_directory("/a", 0700).ok());
  ASSERT_TRUE(files.make_directory("/ab", 0700).ok());
  files.deny("/a");
  EXPECT_EQ(files.create("/a/f", 0600).error().kind, ErrorKind::kDenied);
  EXPECT_EQ(files.list("/a").error().kind, ErrorKind::kDenied);
  EXPECT_TRUE(files.create("/ab/f", 0600).ok());
  files.allow_all();
  EXPECT_TRUE(files.create("/a/f", 0600).ok());
}

TEST(SimulatedFiles, FailsTheOperationsItIsToldTo) {
  SimulatedFiles files(1);
  files.fail_next(SimulatedFiles::Operation::kRename, 2);
  write(files, "/f", "x");
  EXPECT_EQ(files.rename("/f", "/g").error().kind, ErrorKind::kIo);
  EXPECT_EQ(files.rename_no_replace("/f", "/g").error().kind, ErrorKind::kIo);
  EXPECT_TRUE(files.rename("/f", "/g").ok());
}

TEST(SimulatedFiles, TreesGoToRealDirectoriesAndBack) {
  SimulatedFiles files(1);
  ASSERT_TRUE(files.make_directory("/d", 0700).ok());
  ASSERT_TRUE(files.make_directory("/d/empty", 0750).ok());
  write(files, "/d/f", kText);
  ASSERT_TRUE(files.make_symlink("f", "/d/link").ok());
  std::string real = testing::TempDir() + "walkback-export-XXXXXX";
  ASSERT_NE(::mkdtemp(real.data()), nullptr);
  ASSERT_TRUE(files.export_to("/d", real).ok());

  SimulatedFiles other(2);
  ASSERT_TRUE(other.import_from(real, "/").ok());
  EXPECT_EQ(other.operations(), 0u);
  std::filesystem::remove_all(real);
  other.power_cut(1);
  other.reboot();
  EXPECT_EQ(look_at(other, "/link"), "new");
  EXPECT_EQ(other.read_symlink("/link").value(), "f");
  EXPECT_EQ(other.status("/empty").value()->mode, 0750u);
}

TEST(SimulatedFiles, ManyThreadsMayUseItAtOnce) {
  SimulatedFiles files(1);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&files, i] {
      for (int round = 0; round < 50; ++round) {
        std::string path = "/" + std::to_string(i) + "-" + std::to_string(round);
        ASSERT_TRUE(replace_file(files, path, as_bytes(kText), 0600).ok());
      }
    });
  }
  threads.clear();
  EXPECT_EQ(files.list("/").value().size(), 200u);
}

TEST(ManualClock, MovesOnlyWhenTold) {
  ManualClock clock(Timestamp{1'000'000});
  clock.sleep(std::chrono::seconds(2));
  EXPECT_EQ(clock.now(), Timestamp{3'000'000});
  clock.jump_to(Timestamp{0});
  EXPECT_EQ(clock.now(), Timestamp{0});
  EXPECT_EQ(clock.monotonic(), std::chrono::seconds(2));
  SimulatedFiles files(1, clock);
  write(files, "/f", "x");
  EXPECT_EQ(files.status("/f").value()->modified, Timestamp{0});
}

}  // namespace
}  // namespace walkback
