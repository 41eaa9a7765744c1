// The promises of an unattended agent, over ninety days of simulated time: hourly backups, nightly
// prunes, verifications and drills, and what goes wrong meanwhile. All the time some
// promised moment is recovered and compared byte by byte with what the cluster held then.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "agent/claims.h"
#include "agent/record.h"
#include "archive/wal_push.h"
#include "backup/backup.h"
#include "base/remove_tree.h"
#include "base/testing/seeds.h"
#include "base/testing/simulated_files.h"
#include "base/time_text.h"
#include "catalog/backups.h"
#include "catalog/events.h"
#include "catalog/lineage.h"
#include "catalog/manifest.h"
#include "catalog/verified.h"
#include "catalog/wal_archive.h"
#include "pg/page.h"
#include "repo/repository.h"
#include "restore/materialize.h"
#include "restore/plan.h"
#include "retention/prune.h"
#include "schedule/due.h"
#include "simulated_cluster.h"
#include "store/memory_store.h"
#include "store/mirrored_store.h"
#include "store/testing/switched_store.h"
#include "verify/verify.h"

namespace walkback {
namespace {

using schedule::Job;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

constexpr int kDays = 90;
constexpr minutes kTick{30};
constexpr days kRereadPeriod{2};
constexpr uint32_t kSegmentBytes = wal::TestLog::kSegmentBytes;
constexpr std::string_view kCluster = "main";

// More often in `./dev soak ninety-days`.
int hours_between_recoveries() {
  const char* text = std::getenv("WALKBACK_HOURS_BETWEEN_RECOVERIES");
  return text == nullptr ? 6 : std::atoi(text);
}

// What a seed decides.
struct Story {
  explicit Story(SeededRandom& random)
      : window(hours(12 + random.below(37))),
        bucket_is_required(random.percent(50)),
        dead_day(static_cast<int>(10 + random.below(30))),
        damage_day(static_cast<int>(45 + random.below(30))) {
    for (int& night : missed_nights) night = static_cast<int>(4 + random.below(kDays - 8));
  }
  std::chrono::seconds window;
  bool bucket_is_required;
  int dead_day;    // the bucket does not answer
  int damage_day;  // bytes of a pack change
  std::array<int, 2> missed_nights{};
};

// One of the two places of the repository.
struct Place {
  std::unique_ptr<store::ObjectStore> held = store::make_memory_store();
  store::Switch power;
  std::unique_ptr<store::ObjectStore> answering() {
    return store::make_switched_store(*held, power);
  }
};

schedule::Schedule hourly_backups() {
  schedule::Schedule schedule;
  const auto runs = [&](Job job, std::string_view expression) {
    schedule.runs.insert_or_assign(
        job, schedule::CronSchedule(schedule::CronExpression::parse(expression).value(),
                                    schedule::Zone::find(system_files(), "Europe/Berlin").value()));
  };
  runs(Job::kBackup, "0 * * * *");
  runs(Job::kPrune, "30 2 * * *");
  runs(Job::kVerify, "0 3 * * 0,3");
  runs(Job::kDrill, "0 4 * * 0");
  return schedule;
}

class Simulation {
 public:
  explicit Simulation(uint64_t seed) : random_(seed), story_(random_) {
    policy_.window = story_.window;
    policy_.daily = 7;
    policy_.weekly = 4;
    policy_.monthly = 2;
    open(store::MirrorUse::kBegins);
    EXPECT_TRUE(repo::create_repository(*objects_, clock_, random_).ok());
    EXPECT_TRUE(catalog::register_lineage(*objects_, std::string(kCluster), lineage_).ok());
    open(store::MirrorUse::kGoesOn);
  }

  void run() {
    for (int tick = 0; tick < kDays * (days(1) / kTick); ++tick) {
      const Timestamp ends = begin_ + (tick + 1) * kTick;
      day_ = tick / static_cast<int>(days(1) / kTick);
      strike(tick);
      work_until(ends);
      clock_.jump_to(std::max(ends, clock_.now()));
      if (!is_missed(tick)) run_agent();
      if (tick % 2 == 1) {
        cluster_.switch_segment();
        archive();
        if (tick / 2 % hours_between_ == 0) recover_somewhere();
      }
      if (testing::Test::HasFailure()) return;
    }
    ASSERT_NO_FATAL_FAILURE(end_well());
  }

  void tell() const {
    fmt::print(
        "  window of {} h, bucket {}: {} backups ({} read everything), {} kept; {} moments "
        "recovered; {} KiB stored at most, {:.0f} % of the bound\n",
        story_.window / hours(1), story_.bucket_is_required ? "required" : "not required", backups_,
        fulls_, kept_, recovered_, most_stored_ >> 10, 100 * nearest_to_bound_);
  }

 private:
  // ---- what happens ----

  // Some transactions; in some nights none.
  void work_until(Timestamp ends) {
    const bool idle = day_ % 6 == 5 && hour_of_day() < 5;
    for (uint64_t left = idle ? 0 : 1 + random_.below(3); left > 0; --left) {
      const auto until = std::chrono::microseconds(ends.unix_us - clock_.now().unix_us);
      if (until < minutes(1)) break;
      clock_.advance(until / (2 * left));
      cluster_.transact();
    }
  }
  int hour_of_day() const {
    return static_cast<int>((clock_now().unix_us - begin_.unix_us) / 3'600'000'000 % 24);
  }
  Timestamp clock_now() const { return const_cast<ManualClock&>(clock_).now(); }

  bool is_missed(int tick) const {
    const int hour = tick / 2 % 24;
    return std::ranges::any_of(story_.missed_nights, [&](int night) {
      return (day_ == night && hour >= 21) || (day_ == night + 1 && hour < 7);
    });
  }

  void strike(int tick) {
    bucket_.power.off = day_ == story_.dead_day;
    if (day_ == story_.damage_day && tick % 48 == 20) damage_a_pack();
  }

  // Of the newest backup, in the place that is read first.
  void damage_a_pack() {
    const std::vector<catalog::BackupSummary> backups = listed();
    const std::vector<std::string>& packs = backups.back().packs;
    const std::string pack = packs[random_.below(packs.size())];
    const std::string id = pack.substr(pack.find('/') + 1);
    disk_.held
        ->list(layout_.folder() + pack.substr(0, pack.find('/')) + "/" + id.substr(0, 2) + "/" + id,
               "",
               [&](const store::ObjectInfo& info) {
                 damaged_ = info.key;
                 return false;
               })
        .value();
    ASSERT_TRUE(damaged_.has_value()) << pack;
    Bytes bytes = disk_.held->get(*damaged_).value().value();
    const size_t at = random_.below(bytes.size());
    bytes[at] ^= std::byte{0x10};
    ASSERT_TRUE(disk_.held->remove(*damaged_).ok());
    ASSERT_TRUE(disk_.held->put(*damaged_, bytes).ok());
  }

  void archive() {
    cluster_.archive([&](const std::string& path) { return push(path); });
  }
  bool push(const std::string& path) {
    if (!objects_->catch_up(store::CatchUpExtent::kNoted, patience()).ok()) return false;
    archive::WalPushOptions options;
    options.cluster = kCluster;
    options.path = path;
    options.pgdata = kPgdata;
    options.compression_level = 1;
    options.workers = 1;
    const auto pushed = archive::run_wal_push(options, files_, *objects_);
    EXPECT_TRUE(pushed.ok() || bucket_.power.off) << pushed.error().message;
    return pushed.ok();
  }

  // ---- the agent ----

  void run_agent() {
    // Its record is read anew every week; between, it is what was run here.
    if (!history_ || history_read_ + days(7) <= clock_.now()) {
      const auto read = agent::read_history(*objects_, std::string(kCluster), clock_);
      ASSERT_TRUE(read.ok()) << read.error().message;
      if (history_) {
        EXPECT_EQ(read->attempts.size(), history_->attempts.size());
      }
      history_ = *read;
      history_read_ = clock_.now();
    }
    const schedule::Decision decision = schedule::decide(schedule_, *history_, clock_.now());
    for (const schedule::Due& due : decision.due) {
      const auto claim = agent::take_claim(*objects_, std::string(kCluster),
                                           {due.job, due.at, due.failures}, clock_);
      if (!claim.ok()) {  // the agent waits
        EXPECT_TRUE(bucket_.power.off) << claim.error().message;
        return;
      }
      ASSERT_TRUE(claim->has_value());
      const Timestamp began = clock_.now();
      const Result<void> ran = run_job(due.job);
      const bool excused = bucket_.power.off || damaged_;
      EXPECT_TRUE(ran.ok() || excused)
          << day_ << ": " << schedule::job_name(due.job) << ": " << ran.error().message;
      EXPECT_TRUE(objects_->remove(**claim).ok() || bucket_.power.off);
      if (!history_) return;
      history_->attempts.push_back(
          {due.job, began, clock_.now(),
           ran.ok() ? schedule::Outcome::kDone : schedule::Outcome::kFailed});
      if (testing::Test::HasFailure()) return;
    }
  }

  Result<void> run_job(Job job) {
    switch (job) {
      case Job::kBackup:
        return back_up();
      case Job::kPrune:
        return prune();
      case Job::kVerify:
        return verify(false);
      case Job::kDrill:
        return drill();
    }
    return success();
  }

  Result<void> back_up() {
    TRY(objects_->catch_up(store::CatchUpExtent::kAll, patience()));
    backup::BackupOptions options;
    options.cluster = kCluster;
    options.pgdata = kPgdata;
    options.workers = 1;
    options.reread_period = kRereadPeriod;
    const auto server = cluster_.connect([&](const std::string& path) { return push(path); });
    const backup::BackupReport report = TRY(backup::run_backup(
        options, *server, files_, *objects_, clock_, random_, silent_progress(), {}));
    EXPECT_THAT(report.bad_pages, testing::IsEmpty());
    EXPECT_EQ(report.unexplained.count, 0u);
    EXPECT_TRUE(report.reason.empty() || backups_ == 0 || damaged_) << report.reason;
    ++backups_;
    fulls_ += report.parent ? 0 : 1;
    if (!first_backup_) first_backup_ = report.summary.stopped_at;
    written_.push_back({report.summary.started_at, report.summary.bytes_stored});
    return success();
  }

  Result<void> prune() {
    TRY(objects_->catch_up(store::CatchUpExtent::kNoted, patience()));
    TRY(retention::run_prune({std::string(kCluster), policy_, false}, *objects_, clock_, random_,
                             silent_progress(), {}));
    expect_within_bound();
    // What was pruned too far is missed at the beginning of the window.
    if (first_backup_) recover(window_begins());
    return success();
  }

  Result<void> verify(bool deep) {
    verify::VerifyOptions options;
    options.cluster = kCluster;
    options.deep = deep;
    options.workers = 1;
    options.promise = {policy_.window, 0, true};
    const verify::VerifyReport report = TRY(
        verify::run_verify(options, *objects_, *objects_, clock_, random_, silent_progress(), {}));
    for (const verify::Finding& finding : report.findings) {
      EXPECT_TRUE(damaged_ && finding.object == damaged_->text())
          << finding.object << ": " << finding.text;
    }
    if (!report.sound()) mend();
    return success();
  }

  // Of any promised moment, as an event that the schedule counts.
  Result<void> drill() {
    catalog::Event event = catalog::new_event("drill", clock_, random_);
    catalog::EventRecorder recorder(*objects_, std::string(kCluster), clock_);
    TRY(recorder.begin(event));
    recover_somewhere();
    return recorder.end(event, nullptr);
  }

  // ---- what was promised ----

  Timestamp window_begins() { return std::max(*first_backup_, clock_.now() + -story_.window); }

  // Anywhere in the window, as often as not at one of its ends.
  void recover_somewhere() {
    if (!first_backup_) return;
    const std::optional<Timestamp> end = promised_until();
    const Timestamp begin = window_begins();
    if (!end || *end <= begin) return;
    const auto span = static_cast<uint64_t>(end->unix_us - begin.unix_us);
    const uint64_t offsets[] = {random_.below(span), random_.below(span), 0, span - 1};
    recover({begin.unix_us + static_cast<int64_t>(offsets[random_.below(std::size(offsets))])});
  }

  // The last commit that was archived: of what is later nothing was promised.
  std::optional<Timestamp> promised_until() const {
    const auto archived = [&](const SimulatedCluster::Commit& commit) {
      return commit.record + 100 < cluster_.archived_until();
    };
    const auto& commits = cluster_.commits();
    const auto last = std::ranges::find_if(commits.rbegin(), commits.rend(), archived);
    if (last == commits.rend()) return std::nullopt;
    return last->time;
  }

  void recover(Timestamp moment) {
    Result<void> recovered = recover_to(moment);
    if (!recovered.ok() && damaged_) {
      // As docs/how-to.md says: what is damaged comes back from the other place.
      ASSERT_TRUE(verify(true).ok());
      history_.reset();  // it is in the record
      ASSERT_FALSE(damaged_) << "not found, and in the way: " << recovered.error().message;
      recovered = recover_to(moment);
    }
    ASSERT_TRUE(recovered.ok()) << "day " << day_ << ": " << to_iso_utc(moment)
                                << " was promised: " << recovered.error().message << "; "
                                << recovered.error().hint;
    ++recovered_;
  }

  Result<void> recover_to(Timestamp moment) {
    restore::PlanOptions options;
    options.cluster = kCluster;
    options.target.kind = restore::TargetKind::kTime;
    options.target.time = moment;
    options.now = clock_.now();
    const restore::RecoveryPlan plan =
        TRY(restore::make_plan(options, *objects_, silent_progress(), {}));
    const SimulatedCluster::Commit& left_out =
        *std::ranges::upper_bound(cluster_.commits(), moment, {}, &SimulatedCluster::Commit::time);
    EXPECT_EQ(plan.target_lsn, left_out.record);
    EXPECT_FALSE(plan.inclusive);

    const std::string into = "/restored";
    if (TRY(files_.status(into))) TRY(remove_tree(files_, into));
    TRY(files_.make_directory(into, 0700));
    restore::TargetLayout layout;
    layout.data_directory = into;
    TRY(restore::materialize(layout, layout_, plan.backup.id, restore::Onto::kNothing,
                             restore::Fetch::kEverything, 1, files_, *objects_, silent_progress(),
                             {}));
    Bytes pages[kRelations];
    for (size_t i = 0; i < kRelations; ++i) {
      pages[i] = TRY(read_file(files_, join_path(into, simulated_file(i))));
    }
    TRY(replay(plan.backup.start_lsn, plan.target_lsn, pages));
    expect_pages(left_out.pages, pages);
    return success();
  }

  // What PostgreSQL does, with the log as it is archived.
  Result<void> replay(pg::Lsn from, pg::Lsn until, std::span<Bytes> pages) {
    const catalog::WalArchive archive(*objects_, std::string(kCluster), lineage_);
    wal::RecordReader::Expectations expected = archive.expectations();
    expected.search_from = {from.value / wal::kWalPageBytes * wal::kWalPageBytes};
    wal::RecordReader reader(expected);
    wal::DecodedRecord decoded;
    for (uint64_t number = from.value / kSegmentBytes; number * kSegmentBytes < until.value;
         ++number) {
      const Bytes segment = TRY(archive.get_segment({{1}, number}));
      reader.feed({{1}, number}, segment);
      wal::Record record;
      wal::Outcome outcome;
      while ((outcome = reader.next(record)) == wal::Outcome::kRecord) {
        if (record.start >= until) return success();
        if (record.start < from) continue;
        TRY(decoded.decode(record, 15));
        for (const wal::BlockReference& block : decoded.blocks()) redo(record, block, pages);
      }
      if (outcome != wal::Outcome::kEndOfInput) return reader.error();
    }
    return success();
  }

  static void redo(const wal::Record& record, const wal::BlockReference& block,
                   std::span<Bytes> pages) {
    const size_t which = block.relation.number - simulated_relation(0).number;
    const MutableBytes page =
        MutableBytes(pages[which]).subspan(block.block * pg::kPageBytes, pg::kPageBytes);
    if (pg::page_lsn(page) >= record.end) return;
    PageState state{0, record.end};
    std::memcpy(&state.seed, block.data.data(), sizeof state.seed);
    make_simulated_page(state, block.block, page);
  }

  void expect_pages(const PageStates& expected, std::span<const Bytes> pages) {
    Bytes page(pg::kPageBytes);
    for (size_t i = 0; i < expected.size(); ++i) {
      const auto block = static_cast<uint32_t>(i % kBlocksOfRelation);
      make_simulated_page(expected[i], block, page);
      const ByteView found =
          ByteView(pages[i / kBlocksOfRelation]).subspan(block * pg::kPageBytes, pg::kPageBytes);
      ASSERT_TRUE(std::ranges::equal(page, found))
          << "block " << block << " of " << simulated_file(i / kBlocksOfRelation);
    }
  }

  // The damaged object is taken away, and the other place gives it.
  void mend() {
    ASSERT_TRUE(damaged_.has_value());
    ASSERT_TRUE(disk_.held->remove(*damaged_).ok());
    damaged_.reset();
    ++mended_;
    const auto caught_up = objects_->catch_up(store::CatchUpExtent::kAll, patience());
    ASSERT_TRUE(caught_up.ok()) << caught_up.error().message;
  }

  // ---- what it may cost ----

  struct Written {
    Timestamp at;
    uint64_t bytes = 0;
  };

  // Packs as docs/design/space.md bounds them, and WAL as the window needs it.
  void expect_within_bound() {
    const std::vector<catalog::BackupSummary> backups = listed();
    kept_ = backups.size();
    const Timestamp begin = clock_.now() + -story_.window;
    const auto in_window = [&](const catalog::BackupSummary& backup) {
      return backup.stopped_at >= begin;
    };
    // The one that the window begins with, and those that stand alone: each is a restore of its
    // own. Later ones refer to no older pack than it does.
    const auto first = std::ranges::find_if(backups, in_window);
    const auto alone = static_cast<uint64_t>(first - backups.begin());
    uint64_t pack_bound = 0;
    std::vector<std::pair<Timestamp, Timestamp>> written_within;
    for (auto backup = backups.begin(); backup != first; ++backup) {
      pack_bound += 2 * bytes_of_use(*backup);
      written_within.emplace_back(backup->started_at + -kRereadPeriod, backup->started_at);
    }
    if (alone > 0) written_within.back().second = clock_.now();
    for (const Written& one : written_) {
      if (std::ranges::any_of(written_within, [&](const auto& span) {
            return span.first <= one.at && one.at <= span.second;
          })) {
        pack_bound += one.bytes;
      }
    }
    const uint64_t packs = stored(layout_.pack_prefix() + "/") + stored(layout_.map_prefix() + "/");
    if (alone > 0 && day_ > 8) {
      EXPECT_LE(packs, pack_bound) << "day " << day_;
      nearest_to_bound_ =
          std::max(nearest_to_bound_, static_cast<double>(packs) / static_cast<double>(pack_bound));
    }
    most_stored_ = std::max(most_stored_, stored(""));
    expect_only_wal_that_is_needed(backups);
  }

  void expect_only_wal_that_is_needed(const std::vector<catalog::BackupSummary>& backups) {
    // For a prune the window ends with the last that is known of the cluster: a backup an hour.
    const Timestamp since = clock_.now() + -(story_.window + hours(1));
    // What verify found damaged does not count until it is found whole: the window begins earlier.
    const auto damaged = catalog::found_damaged(*objects_, layout_).value();
    const auto window_begin =
        std::find_if(backups.rbegin(), backups.rend(), [&](const catalog::BackupSummary& backup) {
          return backup.stopped_at < since && !needs_any(backup, damaged);
        });
    if (window_begin == backups.rend()) return;
    const pg::Lsn window_from = window_begin->start_lsn;
    const catalog::WalArchive archive(*objects_, std::string(kCluster), lineage_);
    for (const catalog::StoredSegment& segment : archive.segments({1}).value()) {
      const pg::Lsn begin = segment.name.start(kSegmentBytes);
      const pg::Lsn end = begin + kSegmentBytes;
      const bool needed = end > window_from ||
                          std::ranges::any_of(backups, [&](const catalog::BackupSummary& backup) {
                            return begin < backup.stop_lsn && end > backup.start_lsn;
                          });
      EXPECT_TRUE(needed) << segment.name.text(kSegmentBytes);
    }
  }

  // "packs/abcdef…" as summaries name it is "packs/ab/abcdef….zst" among the objects.
  static bool needs_any(const catalog::BackupSummary& backup,
                        const std::map<std::string, Timestamp>& objects) {
    return std::ranges::any_of(objects, [&](const auto& object) {
      return std::ranges::any_of(backup.packs, [&](const std::string& pack) {
        return object.first.find(pack.substr(pack.find('/'))) != std::string::npos;
      });
    });
  }

  uint64_t bytes_of_use(const catalog::BackupSummary& backup) {
    const auto known = of_use_.find(backup.id);
    if (known != of_use_.end()) return known->second;
    uint64_t bytes = 0;
    const auto conclusion = catalog::read_conclusion(*objects_, layout_, backup);
    EXPECT_TRUE(conclusion.ok());
    // Maps are written anew with every change.
    for (const catalog::ManifestPack& pack : conclusion->packs) bytes += pack.live_bytes;
    return of_use_[backup.id] = bytes;
  }

  uint64_t stored(const std::string& prefix) {
    uint64_t bytes = 0;
    EXPECT_TRUE(objects_
                    ->list(prefix, "",
                           [&](const store::ObjectInfo& info) {
                             bytes += info.size;
                             return true;
                           })
                    .ok());
    return bytes;
  }

  // ---- the end ----

  void end_well() {
    ASSERT_TRUE(verify(true).ok());
    ASSERT_TRUE(verify(true).ok());
    // What was needed for less than the time between two verifications may go unseen.
    const bool is_gone = damaged_ && !disk_.held->info(*damaged_).value();
    EXPECT_TRUE(is_gone || !damaged_);
    EXPECT_EQ(mended_, is_gone ? 0 : 1);
    // The night's missed runs ran once, the hours of the dead day once where they had to wait.
    const int hours_away = 2 * 10 + (story_.bucket_is_required ? 24 : 0);
    EXPECT_GE(backups_, static_cast<uint64_t>(kDays * 24 - hours_away));
    EXPECT_GT(recovered_, static_cast<uint64_t>(kDays * 24 / hours_between_));
    // Both places hold the same, whatever happened to either.
    ASSERT_TRUE(objects_->catch_up(store::CatchUpExtent::kAll, patience()).ok());
    EXPECT_EQ(objects_->catch_up(store::CatchUpExtent::kCount, patience())->behind, 0u);
  }

  // ---- ----

  void open(store::MirrorUse use) {
    objects_ = store::make_mirrored_store({disk_.answering()},
                                          {bucket_.answering(), story_.bucket_is_required},
                                          repo::marker_key(), use, clock_, [](const Error&) {});
  }
  std::chrono::nanoseconds patience() { return clock_.monotonic() + minutes(10); }
  std::vector<catalog::BackupSummary> listed() {
    return catalog::list_backups(*objects_, layout_).value();
  }

  const Timestamp begin_ = parse_iso_utc("2026-01-12T00:00:00Z").value();
  SeededRandom random_;
  const Story story_;
  ManualClock clock_{begin_};
  SimulatedFiles files_{1, clock_};
  SimulatedCluster cluster_{files_, clock_, random_};
  const catalog::Lineage lineage_{wal::TestLog::kSystem, 15, kSegmentBytes, begin_};
  const catalog::LineageLayout layout_{kCluster, wal::TestLog::kSystem};
  retention::Policy policy_;
  const schedule::Schedule schedule_ = hourly_backups();
  Place disk_, bucket_;
  std::unique_ptr<store::ObjectStore> objects_;

  const int hours_between_ = hours_between_recoveries();
  int day_ = 0;
  std::optional<schedule::History> history_;
  Timestamp history_read_;
  std::optional<store::ObjectKey> damaged_;
  std::optional<Timestamp> first_backup_;
  std::vector<Written> written_;
  std::map<catalog::BackupId, uint64_t> of_use_;
  uint64_t backups_ = 0, fulls_ = 0, kept_ = 0, recovered_ = 0, most_stored_ = 0;
  int mended_ = 0;
  double nearest_to_bound_ = 0;
};

TEST(NinetyDays, EveryPromisedMomentIsRecoverableAtEveryHourAndStorageStaysInItsBound) {
  const Seeds seeds = test_seeds(3);
  for (uint64_t seed = seeds.first; seed < seeds.end(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Simulation simulation(seed);
    simulation.run();
    simulation.tell();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace walkback
