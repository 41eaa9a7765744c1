// Memory against the number of files and the size of the cluster: a backup, one upon it, a plan and
// a recovery, each in a process of its own.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "backup/backup.h"
#include "base/testing/seeded_random.h"
#include "catalog/backups.h"
#include "catalog/lineage.h"
#include "catalog/manifest.h"
#include "catalog/testing/scratch_archive.h"
#include "catalog/wal_archive.h"
#include "generated_cluster.h"
#include "generated_store.h"
#include "own_process.h"
#include "pg/control_file.h"
#include "repo/repository.h"
#include "restore/plan.h"
#include "restore/recover.h"
#include "scripted_server.h"
#include "store/file_store.h"

namespace walkback {
namespace {

constexpr std::string_view kCluster = "main";

// What is not generated, in a real directory: configuration, pg_control, WAL, the repository.
class World {
 public:
  World(std::string root, const ClusterSize& size) : root_(std::move(root)), size_(size) {}

  // --- the stories, each begun with nothing in memory ---

  std::string set_up() {
    store::ObjectStore& objects = open(0, false);
    EXPECT_TRUE(repo::create_repository(objects, system_clock(), system_random()).ok());
    const catalog::Lineage lineage = this->lineage();
    EXPECT_TRUE(catalog::register_lineage(objects, std::string(kCluster), lineage).ok());
    write_data_directory();
    Log log;
    write_log(log);
    std::ofstream(join_path(root_, "log"))
        << log.first_start << ' ' << log.first_stop << ' ' << log.bulk_start << ' ' << log.bulk_stop
        << ' ' << log.second_start << ' ' << log.second_stop;
    return "";
  }

  std::string back_up_first() {
    open(std::min(kFirstSegments, size_.segments), false);
    return back_up(log().first_start, log().first_stop);
  }

  // Bytes of this many terabytes take hours to compress: the backup that has them is written by its
  // parts, with the program's own writers.
  std::string add_bulk() {
    store::ObjectStore& objects = open(size_.segments, false);
    const catalog::WalArchive archive(objects, std::string(kCluster), lineage());
    const catalog::LineageLayout& layout = archive.layout();
    catalog::BackupSummary summary = catalog::list_backups(objects, layout).value().back();
    auto first = catalog::open_manifest(objects, layout, summary.id).value();
    summary.id.text = "20270101T000000Z-b01c";
    summary.started_at.unix_us += 1'000'000;
    summary.stopped_at.unix_us += 1'000'000;
    summary.start_lsn = {log().bulk_start};
    summary.stop_lsn = {log().bulk_stop};
    auto bulk = catalog::create_manifest(objects, system_random(), layout, summary.id, 3).value();
    catalog::ManifestConclusion conclusion;
    while (auto entry = first->next_record().value()) {
      if (auto* file = std::get_if<catalog::ManifestRecord>(&*entry)) {
        // Its map is in a pack, as those of the other segments are: they replace it.
        if (is_segment(file->name)) continue;
        EXPECT_TRUE(bulk->add(*file).ok());
      } else if (auto* directory = std::get_if<catalog::ManifestDirectory>(&*entry)) {
        EXPECT_TRUE(bulk->add(*directory).ok());
      } else {
        conclusion = std::get<catalog::ManifestConclusion>(std::move(*entry));
      }
    }
    std::erase_if(conclusion.packs, [](const catalog::ManifestPack& pack) { return pack.maps; });
    for (uint64_t number = 0; number < size_.segments; ++number) {
      catalog::ManifestFile file;
      file.name = GeneratedFile{true, number}.name();
      file.mode = 0600;
      file.map = make_bulk_map(kinds_, number);
      EXPECT_TRUE(bulk->add(file).ok());
      for (uint32_t pack = 0; pack < kPacksOfSegment; ++pack) {
        uint64_t live = 0;
        for (uint32_t i = 0; i < kFramesInPack; ++i) {
          live += file.map.frames[pack * kFramesInPack + i].location.length;
        }
        conclusion.packs.push_back({bulk_pack(number, pack), false, live});
      }
    }
    const uint64_t added = size_.segments - std::min(kFirstSegments, size_.segments);
    summary.files = conclusion.files += added;
    summary.bytes_raw = conclusion.bytes += added * kSegmentFileBytes;
    summary.packs.clear();
    for (const auto& pack : conclusion.packs) summary.packs.push_back("packs/" + pack.id.text());
    for (const auto& pack : bulk->finish_maps().value().packs) {
      summary.packs.push_back("maps/" + pack.id.text());
    }
    summary.pack_bytes.assign(summary.packs.size(), 32u << 20);
    const catalog::SummaryObject object = catalog::make_summary_object(summary);
    EXPECT_TRUE(objects.put(layout.summary(summary.id), as_bytes(object.text)).ok());
    conclusion.summary_sha256 = object.sha256;
    const auto committed = bulk->commit(conclusion);
    return committed.ok() ? "" : committed.error().message;
  }

  std::string back_up_changes() {
    open(size_.segments, true);
    return back_up(log().second_start, log().second_stop, [&](const backup::BackupReport& report) {
      if (report.summary.type != catalog::BackupType::kIncremental || !report.reason.empty()) {
        return "it read everything: " + report.reason;
      }
      // 8 pages of each segment, one of every hundredth file, and what is no relation; besides the
      // rolling share, which follows the time since the parent.
      const uint64_t pages = size_.segments * 8 + (size_.files + 99) / 100;
      const uint64_t changed = report.summary.bytes_read - report.summary.bytes_reread;
      if (changed > pages * kPageBytes + (1 << 20)) {
        return fmt::format("it read {} bytes", changed);
      }
      return std::string();
    });
  }

  std::string plan() {
    open(size_.segments, true);
    const Result<restore::RecoveryPlan> plan = make_plan();
    if (!plan.ok()) return plan.error().message;
    const uint64_t bytes = size_.files * kPageBytes + size_.segments * kSegmentFileBytes;
    return plan->restore_bytes >= bytes ? "" : fmt::format("of {} bytes", plan->restore_bytes);
  }

  std::string recover() {
    store::ObjectStore& objects = open(size_.segments, true);
    const Result<restore::RecoveryPlan> plan = make_plan();
    if (!plan.ok()) return plan.error().message;
    restore::RecoverOptions options;
    options.into = join_path(root_, "restored");
    options.port = 5433;
    options.start = false;
    options.neighbours.live_pgdata = pgdata();
    options.program = "/usr/bin/walkback";
    options.config_path = "/etc/walkback/walkback.toml";
    const auto checked =
        restore::check_recovery(options, plan_options(), *plan, *files_, objects, system_clock());
    if (!checked.ok()) return checked.error().message;
    const auto report =
        restore::run_recover(options, plan_options(), *plan, *checked, *files_, objects,
                             system_clock(), system_random(), silent_progress(), {});
    if (!report.ok()) return report.error().message;
    const GeneratedFiles::Restored& restored = files_->restored();
    if (restored.wrong > 0) return fmt::format("{} files are not as they were", restored.wrong);
    if (restored.files != size_.files + size_.segments) {
      return fmt::format("{} files were restored", restored.files);
    }
    return "";
  }

 private:
  struct Log {
    uint64_t first_start = 0, first_stop = 0;
    uint64_t bulk_start = 0, bulk_stop = 0;
    uint64_t second_start = 0, second_stop = 0;
  };

  std::string pgdata() const { return join_path(root_, "pg"); }
  static catalog::Lineage lineage() {
    return {wal::TestLog::kSystem,
            15,
            catalog::ScratchTimeline::kSegmentBytes,
            {1'700'000'000'000'000}};
  }
  Log log() const {
    Log log;
    std::ifstream(join_path(root_, "log")) >> log.first_start >> log.first_stop >> log.bulk_start >>
        log.bulk_stop >> log.second_start >> log.second_stop;
    return log;
  }
  static bool is_segment(const std::string& name) {
    const std::optional<GeneratedFile> file = parse_generated(name);
    return file && file->is_segment;
  }

  store::ObjectStore& open(uint64_t segments_there, bool changes_made) {
    files_ = std::make_unique<GeneratedFiles>(system_files(), root_, size_, segments_there,
                                              changes_made);
    beneath_ = store::open_file_store(unsynced_, system_random(), join_path(root_, "repo")).value();
    objects_ = make_generated_store(*beneath_, kinds_);
    return *objects_;
  }

  void write(const std::string& name, ByteView content) {
    const std::string path = join_path(pgdata(), name);
    EXPECT_TRUE(make_directories(system_files(), parent_path(path), 0700).ok());
    EXPECT_TRUE(replace_file(system_files(), path, content, 0600).ok());
  }

  void write_data_directory() {
    Bytes control = pg::saved_control_file(WALKBACK_PG_TESTDATA);
    pg::change_control_file(control, pg::kSystemIdentifierAt, wal::TestLog::kSystem.value);
    pg::change_control_file(control, pg::kWalSegmentBytesAt,
                            catalog::ScratchTimeline::kSegmentBytes);
    // Checksums off: theirs would cost more than all else.
    pg::change_control_file(control, pg::kDataChecksumVersionAt, uint32_t{0});
    write("global/pg_control", control);
    write("PG_VERSION", as_bytes("15\n"));
    for (const char* name :
         {"postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf"}) {
      write(name, as_bytes("# nothing\n"));
    }
    for (const char* name : {"base", "pg_tblspc", "pg_wal/archive_status"}) {
      EXPECT_TRUE(make_directories(system_files(), join_path(pgdata(), name), 0700).ok());
    }
  }

  void write_log(Log& log) {
    catalog::ScratchTimeline timeline(1);
    pg::Xid xid = 700;
    double second = 900'000'000;
    const auto back_up_here = [&](uint64_t& start, uint64_t& stop) {
      timeline.switch_segment();
      timeline.checkpoint(static_cast<int64_t>(++second));
      start = timeline.end().value;
      timeline.commit(xid++, ++second);
      stop = timeline.end().value;
    };
    back_up_here(log.first_start, log.first_stop);
    back_up_here(log.bulk_start, log.bulk_stop);
    const auto change = [&](const GeneratedFile& file) {
      const uint64_t part = file.is_segment ? file.number % kSegmentsInRelation : 0;
      for (uint32_t i = 0; i < file.changed_blocks(); ++i) {
        const auto first = static_cast<uint32_t>(part * kSegmentBlocks);
        timeline.change(xid, file.relation(), first + file.changed_block(i));
      }
    };
    for (uint64_t i = 0; i < size_.files; ++i) change({false, i});
    for (uint64_t i = 0; i < size_.segments; ++i) change({true, i});
    timeline.commit(xid++, ++second);
    back_up_here(log.second_start, log.second_stop);
    timeline.commit(xid++, ++second);
    timeline.switch_segment();
    const catalog::WalArchive archive(*objects_, std::string(kCluster), lineage());
    catalog::WalArchive writable = archive;
    for (uint64_t number = 1; number <= timeline.segment_of_end(); ++number) {
      const std::string name = timeline.file(number);
      write("pg_wal/" + name, timeline.content(number));
      auto file = system_files().open_read(join_path(pgdata(), "pg_wal/" + name)).value();
      const auto previous = [&](const std::string&, uint64_t, MutableBytes out) {
        std::ranges::copy(timeline.content(number - 1), out.begin());
        return true;
      };
      const auto stored = writable.put(name, *file, 1, 1, previous);
      EXPECT_TRUE(stored.ok()) << stored.error().message;
    }
  }

  std::string back_up(uint64_t start, uint64_t stop,
                      const std::function<std::string(const backup::BackupReport&)>& look = {}) {
    backup::BackupOptions options;
    options.cluster = kCluster;
    options.pgdata = pgdata();
    options.archive_timeout = std::chrono::seconds(1);
    options.connect_to = [&](const std::string& database) {
      return Result<std::unique_ptr<pgconn::Connection>>(
          connect_scripted_server(pgdata(), size_, {start}, {stop}, database));
    };
    const auto server = connect_scripted_server(pgdata(), size_, {start}, {stop}, "postgres");
    const auto report = backup::run_backup(options, *server, *files_, *objects_, system_clock(),
                                           system_random(), silent_progress(), {});
    if (!report.ok()) return report.error().message;
    return look ? look(*report) : "";
  }

  static restore::PlanOptions plan_options() {
    restore::PlanOptions options;
    options.cluster = kCluster;
    options.target.kind = restore::TargetKind::kLatest;
    return options;
  }
  Result<restore::RecoveryPlan> make_plan() {
    return restore::make_plan(plan_options(), *objects_, silent_progress(), {});
  }

  const std::string root_;
  const ClusterSize size_;
  const FrameKinds kinds_;
  UnsyncedFiles unsynced_{system_files()};
  std::unique_ptr<GeneratedFiles> files_;
  std::unique_ptr<store::ObjectStore> beneath_;
  std::unique_ptr<store::ObjectStore> objects_;
};

struct Peaks {
  double full = 0, incremental = 0, plan = 0, recover = 0;  // MiB
  double highest() const { return std::max({full, incremental, plan, recover}); }
};

class Scale : public testing::Test {
 protected:
  static Peaks measure(const ClusterSize& size) {
    std::string root = "/tmp/wb-scale-XXXXXX";
    EXPECT_NE(mkdtemp(root.data()), nullptr);
    const auto tell = [&](const char* what, std::string (World::*story)()) {
      const OwnProcess process = in_own_process([&] {
        World world(root, size);
        return (world.*story)();
      });
      EXPECT_EQ(process.error, "") << what;
      fmt::print("  {}: {:.0f} MiB, {:.0f} s\n", what, process.peak_mib, process.seconds);
      std::fflush(stdout);
      return process.peak_mib;
    };
    Peaks peaks;
    tell("(set-up)", &World::set_up);
    peaks.full = tell("full backup", &World::back_up_first);
    tell("(bulk)", &World::add_bulk);
    peaks.incremental = tell("incremental backup", &World::back_up_changes);
    peaks.plan = tell("plan", &World::plan);
    peaks.recover = tell("recover", &World::recover);
    std::filesystem::remove_all(root);
    const double tb =
        static_cast<double>(size.segments * kSegmentFileBytes + size.files * kPageBytes) / 1e12;
    fmt::print(
        "measured: {} files, {:.2f} TB: full {:.0f}, incremental {:.0f}, plan {:.0f}, "
        "recover {:.0f} MiB\n",
        size.files + size.segments, tb, peaks.full, peaks.incremental, peaks.plan, peaks.recover);
    std::fflush(stdout);
    return peaks;
  }

  static uint64_t from_environment(const char* name, uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
  }
};

// Bytes for each further file.
double growth(double few_mib, double many_mib, uint64_t more) {
  return (many_mib - few_mib) * (1 << 20) / static_cast<double>(more);
}

TEST_F(Scale, MemoryGrowsOnlyWithWhatTheParentIsKnownBy) {
  constexpr uint64_t kFew = 100'000;
  constexpr uint64_t kMany = 4 * kFew;
  // Less than the name of a file takes in memory. The same backup's peak differs by 7 MiB from one
  // run to the next, by which buffers threads have at once: 24 bytes a file that nobody keeps.
  constexpr double kNothing = 48;
  const Peaks few = measure({kFew, 4});
  const Peaks many = measure({kMany, 4});
  EXPECT_LT(growth(few.full, many.full, kMany - kFew), kNothing);
  EXPECT_LT(growth(few.incremental, many.incremental, kMany - kFew), 200);
  EXPECT_LT(growth(few.plan, many.plan, kMany - kFew), kNothing);
  EXPECT_LT(growth(few.recover, many.recover, kMany - kFew), kNothing);
}

TEST_F(Scale, ALargeClusterIsBackedUpPlannedAndRecoveredInHalfAGibibyte) {
  const Peaks peaks = measure({from_environment("WALKBACK_SCALE_FILES", 100'000),
                               from_environment("WALKBACK_SCALE_SEGMENTS", 1'000)});
  EXPECT_LT(peaks.highest(), 512);
}

}  // namespace
}  // namespace walkback
