#include "health/mass_changes.h"

#include <fmt/format.h>

#include <algorithm>

#include "find/find.h"

namespace walkback::health {

namespace {

constexpr std::chrono::hours kWindow{1};
// `find` gives those that changed the most: updates are among them, too.
constexpr size_t kLookedAt = 100;

std::string name_of(const find::FoundTable& table) {
  if (table.name) return table.name->schema + "." + table.name->name;
  return fmt::format("the file {}/{}/{}", table.file.tablespace, table.file.database,
                     table.file.number);
}

uint64_t taken(const find::FoundTable& table) {
  const auto gone = static_cast<uint64_t>(std::max<int64_t>(table.rows_gone, 0));
  return table.rows.deleted + (find::is_loss(table.fate) ? gone : 0);
}

std::string what_became(const find::FoundTable& table) {
  switch (table.fate) {
    case find::FileFate::kTruncated:
      return "truncated";
    case find::FileFate::kDropped:
      return "dropped";
    default:
      return "deleted";
  }
}

// Of a transaction the table that lost the most; nothing when that is too little.
std::optional<MassChange> mass_change_of(const find::FoundWork& work, uint64_t least_rows) {
  const bool committed = work.transaction.outcome == find::Outcome::kCommitted;
  if (!committed || work.tables.empty()) return std::nullopt;
  uint64_t rows = 0;
  for (const find::FoundTable& table : work.tables) rows += taken(table);
  if (rows < least_rows) return std::nullopt;
  const auto most = std::ranges::max_element(work.tables, std::ranges::less(), taken);
  std::string tables = name_of(*most);
  if (work.tables.size() > 1) tables += fmt::format(" and {} more", work.tables.size() - 1);
  return MassChange{work.transaction.xid, work.transaction.ended_at.value_or(Timestamp{}),
                    std::move(tables), what_became(*most), rows};
}

bool has_nameless(const find::FindReport& report, uint64_t least_rows) {
  return std::ranges::any_of(report.found, [&](const find::FoundWork& work) {
    return mass_change_of(work, least_rows) &&
           std::ranges::any_of(work.tables, [](const find::FoundTable& t) { return !t.name; });
  });
}

}  // namespace

Result<std::vector<MassChange>> find_mass_changes(const MassChangeQuestion& question,
                                                  store::ObjectStore& objects,
                                                  std::stop_token stop) {
  find::FindOptions options;
  options.cluster = question.cluster;
  options.timeline = question.timeline;
  options.until = question.now;
  options.since = question.now + -std::chrono::microseconds(kWindow);
  options.limit = kLookedAt;
  options.unreadable = [](const Error&) {};  // told of the repository already
  find::FindReport report = TRY(find::run_find(options, objects, silent_progress(), stop));
  if (has_nameless(report, question.least_rows) && question.live_names) {
    options.live_names = question.live_names();
    if (options.live_names) {
      report = TRY(find::run_find(options, objects, silent_progress(), stop));
    }
  }
  if (report.segments > 0 && report.unknown.size() >= report.segments) {
    return make_error(ErrorKind::kDenied, report.unknown.front().what);
  }
  std::vector<MassChange> changes;
  for (const find::FoundWork& work : report.found) {
    if (auto change = mass_change_of(work, question.least_rows)) {
      changes.push_back(std::move(*change));
    }
  }
  return changes;
}

}  // namespace walkback::health
