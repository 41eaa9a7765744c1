#include <gtest/gtest.h>

#include <algorithm>

#include "archive/wal_push.h"
#include "backup/backup.h"
#include "base/testing/seeded_random.h"
#include "base/testing/seeds.h"
#include "catalog/backups.h"
#include "catalog/control_file_reader.h"
#include "catalog/lineage.h"
#include "catalog/manifest.h"
#include "catalog/wal_archive.h"
#include "repo/repository.h"
#include "restore/recover.h"
#include "restore/unfinished.h"
#include "scripted_cluster.h"
#include "store/file_store.h"

namespace walkback {
namespace {

using Failure = SimulatedFiles::Failure;

// A scripted cluster with its repository, all of it durable, on one disk.
class PowerCut : public testing::TestWithParam<Failure> {
 protected:
  struct World {
    explicit World(uint64_t seed) : files(seed), random(seed) {
      make_scripted_cluster(files);
      open();
      EXPECT_TRUE(repo::create_repository(*objects, clock, random).ok());
      const pg::ControlFile control =
          catalog::read_control_file(files, std::string(kPgdata)).value().control;
      lineage = {control.system_identifier, control.major, control.wal_segment_bytes, clock.now()};
      EXPECT_TRUE(catalog::register_lineage(*objects, std::string(kCluster), lineage).ok());
    }

    // As a new process would: nothing is remembered.
    void open() {
      objects = store::open_file_store(files, random, std::string(kRepository)).value();
    }

    catalog::WalArchive archive() { return {*objects, std::string(kCluster), lineage}; }

    Result<archive::WalPushReport> push() {
      archive::WalPushOptions options;
      options.cluster = kCluster;
      options.path = join_path(join_path(kPgdata, "pg_wal"), kSegment);
      options.pgdata = kPgdata;
      return archive::run_wal_push(options, files, *objects);
    }

    Result<backup::BackupReport> backup() {
      backup::BackupOptions options;
      options.cluster = kCluster;
      options.pgdata = kPgdata;
      options.archive_timeout = std::chrono::seconds(1);
      std::unique_ptr<pgconn::Connection> server = connect_scripted_server();
      return backup::run_backup(options, *server, files, *objects, clock, random, silent_progress(),
                                {});
    }

    Result<restore::RecoverReport> recover(const catalog::BackupSummary& summary,
                                           const std::string& into, bool delta = false) {
      restore::RecoveryPlan plan;
      plan.backup = summary;
      plan.timeline = {1};
      plan.target_lsn = plan.end_lsn = summary.stop_lsn;
      restore::RecoverOptions options;
      options.into = into;
      options.port = 5433;
      options.start = false;
      options.delta = delta;
      options.neighbours.live_pgdata = kPgdata;
      options.program = "/usr/bin/walkback";
      options.config_path = "/etc/walkback/walkback.toml";
      restore::PlanOptions plan_options;
      plan_options.cluster = kCluster;
      const restore::CheckedTarget checked =
          TRY(restore::check_recovery(options, plan_options, plan, files, *objects, clock));
      return restore::run_recover(options, plan_options, plan, checked, files, *objects, clock,
                                  random, silent_progress(), {});
    }

    std::vector<catalog::BackupSummary> listed() {
      return catalog::list_backups(*objects, archive().layout()).value();
    }

    SimulatedFiles files;
    SeededRandom random;
    ManualClock clock;
    std::unique_ptr<store::ObjectStore> objects;
    catalog::Lineage lineage;
  };

  // Runs `story` once for each of its writes, which fails; then the disk is looked at as it is
  // found.
  template <typename Prepare, typename Story, typename Look>
  void at_every_moment(const Prepare& prepare, const Story& story, const Look& look) {
    uint64_t moments = 0;
    const Seeds seeds = test_seeds(2);
    for (uint64_t seed = seeds.first; seed < seeds.end(); ++seed) {
      for (uint64_t moment = 1;; ++moment) {
        SCOPED_TRACE("seed " + std::to_string(seed) + ", moment " + std::to_string(moment));
        World world(seed);
        prepare(world);
        world.files.fail_at_operation(moment, GetParam());
        const bool acknowledged = story(world);
        const bool interrupted = world.files.failed();
        if (!interrupted) {
          world.files.fail_at_operation(0);
          world.files.power_cut(seed);
        }
        world.files.reboot();
        world.open();
        look(world, acknowledged);
        if (!interrupted) break;
        ++moments;
        ASSERT_FALSE(HasFatalFailure());
      }
    }
    RecordProperty("moments", std::to_string(moments));
    EXPECT_GT(moments, 10u) << "the story was interrupted";
  }
};

TEST_P(PowerCut, AnAcknowledgedSegmentIsReadBackAndAnUnacknowledgedOneCanBePushedAgain) {
  at_every_moment([](World&) {}, [](World& world) { return world.push().ok(); },
                  [](World& world, bool acknowledged) {
                    const Bytes original =
                        read_file(world.files, join_path("/pg/pg_wal", kSegment)).value();
                    const std::optional<Bytes> stored = world.archive().get(kSegment).value();
                    if (acknowledged) {
                      ASSERT_TRUE(stored.has_value());
                    }
                    if (stored) {
                      ASSERT_TRUE(*stored == original);
                    }
                    ASSERT_TRUE(world.push().ok());
                    // What the second push acknowledged survives a second cut.
                    world.files.power_cut(7);
                    world.files.reboot();
                    world.open();
                    ASSERT_TRUE(world.archive().get(kSegment).value() == original);
                  });
}

TEST_P(PowerCut, EveryListedBackupIsRestoredWholeAndAnAcknowledgedOneIsListed) {
  at_every_moment([](World& world) { ASSERT_TRUE(world.push().ok()); },
                  [](World& world) { return world.backup().ok(); },
                  [](World& world, bool acknowledged) {
                    const std::vector<catalog::BackupSummary> listed = world.listed();
                    if (acknowledged) {
                      ASSERT_EQ(listed.size(), 1u);
                    }
                    for (const catalog::BackupSummary& summary : listed) {
                      Result<restore::RecoverReport> report = world.recover(summary, "/restored");
                      ASSERT_TRUE(report.ok()) << report.error().message;
                      ASSERT_EQ(differences(world.files, kPgdata, "/restored"), "");
                    }
                  });
}

// The owner's file, the mark, and files that were to be renamed.
std::string other_than_marks(const std::string& names) {
  std::string others;
  for (size_t begin = 0; begin < names.size();) {
    const size_t end = names.find(' ', begin);
    const std::string name = names.substr(begin, end - begin);
    const bool is_mark = name == "mine.txt" || name.starts_with("walkback.") ||
                         name.find(".tmp-") != std::string::npos;
    if (!is_mark) others += name + " ";
    begin = end + 1;
  }
  return others;
}

// A rename that a power cut ended in may show both names. PostgreSQL knows no file by the old one.
void remove_second_name_of_pg_control(FileSystem& files) {
  for (const DirectoryEntry& entry : files.list("/restored/global").value()) {
    if (!entry.name.starts_with("pg_control.tmp-")) continue;
    const std::string path = "/restored/global/" + entry.name;
    ASSERT_EQ(read_file(files, path).value(),
              read_file(files, "/restored/global/pg_control").value());
    files.remove(path).value();
  }
}

// A recovery that ended between its last two steps left it beside pg_control, which counts.
void remove_mark_of_an_unfinished_one(FileSystem& files, bool acknowledged) {
  if (!files.status(restore::mark_path("/restored")).value()) return;
  ASSERT_FALSE(acknowledged);
  restore::remove_mark(files, "/restored").value();
}

TEST_P(PowerCut, ADirectoryWithPgControlIsWhole) {
  at_every_moment(
      [](World& world) {
        ASSERT_TRUE(world.push().ok());
        Result<backup::BackupReport> report = world.backup();
        ASSERT_TRUE(report.ok()) << report.error().message;
      },
      [](World& world) { return world.recover(world.listed().front(), "/restored").ok(); },
      [](World& world, bool acknowledged) {
        const bool can_start =
            world.files.status("/restored/global/pg_control").value().has_value();
        ASSERT_TRUE(can_start || !acknowledged);
        if (!can_start) return;
        remove_second_name_of_pg_control(world.files);
        remove_mark_of_an_unfinished_one(world.files, acknowledged);
        ASSERT_EQ(differences(world.files, kPgdata, "/restored"), "");
        // Without these PostgreSQL would start as if it had crashed, on pages of many moments.
        ASSERT_TRUE(world.files.status("/restored/backup_label").value().has_value());
        ASSERT_TRUE(world.files.status("/restored/recovery.signal").value().has_value());
      });
}

// A server of the same cluster that went on, was stopped, and had a segment that it never archived.
constexpr std::string_view kNeverArchived = "000000010000000000000004";

void make_directory_to_go_on_from(SimulatedFiles& files, const std::string& directory) {
  files.make_directory(directory, 0700).value();
  copy_tree(files, std::string(kPgdata), files, directory).value();
  auto change = [&](const std::string& name, uint64_t offset) {
    const Bytes other = SeededRandom(offset).bytes(900);
    auto file = files.open_write(join_path(directory, name)).value();
    file->write_at(offset, other).value();
  };
  auto add = [&](const std::string& name, ByteView content) {
    auto file = files.create(join_path(directory, name), 0600).value();
    file->write_at(0, content).value();
  };
  change("base/5/1259", 8000);
  change("base/5/16384", 70 * 8192 + 100);
  change("base/5/16390", 0);
  files.open_write(join_path(directory, "base/5/1259_vm")).value()->truncate(0).value();
  add("base/5/16399", SeededRandom(4).bytes(8192));
  add("pg_xact/0001", SeededRandom(5).bytes(8192));
  change("postgresql.conf", 22);
  add("mine.txt", as_bytes("the owner's"));
  Bytes segment = read_file(files, join_path(join_path(directory, "pg_wal"), kSegment)).value();
  segment[10] = std::byte{0x40};  // 0/400000
  std::ranges::copy(SeededRandom(6).bytes(5000), segment.begin() + 40);
  add("pg_wal/" + std::string(kNeverArchived), segment);
  files.sync_file_system("/").value();
}

// Its content is in the one place or, after it was moved, in the other.
bool is_kept_somewhere(SimulatedFiles& files, const Bytes& segment) {
  auto holds = [&](const std::string& directory) {
    const auto content = read_file(files, directory + "/pg_wal/" + std::string(kNeverArchived));
    return content.ok() && *content == segment;
  };
  if (holds("/onto")) return true;
  const auto kept = files.list("/onto.kept");
  if (!kept.ok()) return false;
  return std::ranges::any_of(*kept,
                             [&](const auto& entry) { return holds("/onto.kept/" + entry.name); });
}

TEST_P(PowerCut, ADeltaLosesNothingStartsNothingHalfDoneAndIsGoneOnWith) {
  at_every_moment(
      [](World& world) {
        ASSERT_TRUE(world.push().ok());
        ASSERT_TRUE(world.backup().ok());
        make_directory_to_go_on_from(world.files, "/onto");
        make_directory_to_go_on_from(world.files, "/before");
      },
      [](World& world) {
        const auto report = world.recover(world.listed().front(), "/onto", true);
        EXPECT_TRUE(report.ok() || world.files.failed()) << report.error().message;
        return report.ok();
      },
      [](World& world, bool acknowledged) {
        const std::string wal = "/before/pg_wal/" + std::string(kNeverArchived);
        const Bytes segment = read_file(world.files, wal).value();
        ASSERT_TRUE(is_kept_somewhere(world.files, segment));
        const bool can_start = world.files.status("/onto/global/pg_control").value().has_value();
        ASSERT_TRUE(can_start || !acknowledged);
        if (can_start) {
          // As it was before, or as it is when all is done.
          const bool is_done = world.files.status("/onto/recovery.signal").value().has_value();
          EXPECT_EQ(
              other_than_marks(differences(world.files, is_done ? kPgdata : "/before", "/onto")),
              "");
          if (is_done) {
            ASSERT_TRUE(world.files.status("/onto/backup_label").value().has_value());
          }
        }
        const auto again = world.recover(world.listed().front(), "/onto", true);
        ASSERT_TRUE(again.ok()) << again.error().message;
        ASSERT_EQ(differences(world.files, kPgdata, "/onto"), "mine.txt ");
        ASSERT_TRUE(world.files.list("/onto/pg_wal").value().size() <= 2);
        ASSERT_TRUE(is_kept_somewhere(world.files, segment));
      });
}

INSTANTIATE_TEST_SUITE_P(, PowerCut, testing::Values(Failure::kPowerCut, Failure::kKilled),
                         [](const auto& parameter) {
                           return parameter.param == Failure::kPowerCut ? "PowerCut" : "Killed";
                         });

}  // namespace
}  // namespace walkback
