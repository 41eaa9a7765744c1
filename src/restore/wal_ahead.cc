#include "restore/wal_ahead.h"

#include <algorithm>

#include "catalog/wal_chain.h"
#include "catalog/wal_delivery.h"

namespace walkback::restore {

namespace {

// 64 MiB with PostgreSQL's usual segments.
constexpr size_t kSegmentsAhead = 4;
// Less than a segment takes to replay.
constexpr std::chrono::milliseconds kBetweenLooks{5};

}  // namespace

Result<std::unique_ptr<WalAhead>> WalAhead::start(const RecoveryPlan& plan,
                                                  const catalog::WalArchive& archive,
                                                  std::string directory, FileSystem& files,
                                                  Clock& clock, std::stop_token stop) {
  catalog::SegmentLists lists(archive);
  const catalog::WalChain chain = TRY(catalog::WalChain::load(lists, plan.timeline));
  const uint32_t segment_bytes = archive.segment_bytes();
  std::vector<std::string> names;
  for (uint64_t number = plan.backup.start_lsn.value / segment_bytes;
       number * segment_bytes < plan.end_lsn.value && chain.segment(number); ++number) {
    names.push_back(pg::SegmentName{chain.segment(number)->timeline, number}.text(segment_bytes));
  }
  TRY(make_directories(files, directory, 0700));
  return std::unique_ptr<WalAhead>(
      new WalAhead(archive, std::move(names), std::move(directory), files, clock, std::move(stop)));
}

WalAhead::WalAhead(const catalog::WalArchive& archive, std::vector<std::string> names,
                   std::string directory, FileSystem& files, Clock& clock, std::stop_token stop)
    : archive_(archive),
      names_(std::move(names)),
      directory_(std::move(directory)),
      files_(files),
      clock_(clock),
      group_(std::move(stop)) {
  group_.start([this](const std::stop_token& stopped) { return fetch_all(stopped); });
}

Result<void> WalAhead::end() {
  ended_ = true;
  return group_.wait();
}

Result<void> WalAhead::fetch_all(const std::stop_token& stop) {
  for (const std::string& name : names_) {
    TRY(see_what_was_taken());
    const auto is_over = [&] { return ended_ || stop.stop_requested(); };
    while (there_.size() >= kSegmentsAhead && !is_over()) {
      clock_.sleep(kBetweenLooks);
      TRY(see_what_was_taken());
    }
    if (is_over()) return success();
    std::string path = join_path(directory_, name);
    if (!TRY(catalog::deliver_wal_file(archive_, name, path, files_))) return success();
    there_.push_back(std::move(path));
  }
  return success();
}

// One that a server had fetched itself, because it came too late here, is not asked for again: what
// stands before one that was taken goes.
Result<void> WalAhead::see_what_was_taken() {
  size_t taken = 0;
  for (size_t i = 0; i < there_.size(); ++i) {
    if (!TRY(files_.link_status(there_[i]))) taken = i + 1;
  }
  for (; taken > 0; --taken) {
    if (TRY(files_.link_status(there_.front()))) TRY(files_.remove(there_.front()));
    there_.pop_front();
  }
  return success();
}

}  // namespace walkback::restore
