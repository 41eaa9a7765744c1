#include <gtest/gtest.h>

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
                                           const std::string& into) {
      restore::RecoveryPlan plan;
      plan.backup = summary;
      plan.timeline = {1};
      plan.target_lsn = plan.end_lsn = summary.stop_lsn;
      restore::RecoverOptions options;
      options.into = into;
      options.port = 5433;
      options.start = false;
      options.neighbours.live_pgdata = kPgdata;
      options.program = "/usr/bin/walkback";
      options.config_path = "/etc/walkback/walkback.toml";
      restore::PlanOptions plan_options;
      plan_options.cluster = kCluster;
      return restore::run_recover(options, plan_options, plan, files, *objects, clock, random,
                                  silent_progress(), {});
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
        ASSERT_EQ(differences(world.files, kPgdata, "/restored"), "");
        // Without these PostgreSQL would start as if it had crashed, on pages of many moments.
        ASSERT_TRUE(world.files.status("/restored/backup_label").value().has_value());
        ASSERT_TRUE(world.files.status("/restored/recovery.signal").value().has_value());
      });
}

INSTANTIATE_TEST_SUITE_P(, PowerCut, testing::Values(Failure::kPowerCut, Failure::kKilled),
                         [](const auto& parameter) {
                           return parameter.param == Failure::kPowerCut ? "PowerCut" : "Killed";
                         });

}  // namespace
}  // namespace walkback
