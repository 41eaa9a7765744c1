#include <fmt/format.h>

#include "archive/wal_indexes.h"
#include "cli/commands.h"
#include "cli/human.h"
#include "cli/json.h"
#include "cli/text.h"

namespace walkback::cli {

Result<ExitStatus> run_index(const IndexOptions& options, Session& session) {
  config::Config config = TRY(session.load_config());
  const std::stop_token stop = session.watch_interrupts(OnInterrupt::kAskToStop);
  if (options.rebuild) TRY(session.check_repository_owner(config));
  auto store =
      TRY(session.open_repository(config, options.rebuild ? Access::kReadData : Access::kMetadata));
  TRY(session.check_cluster(*store, config));
  archive::WalIndexOptions index;
  index.cluster = config.cluster;
  index.rebuild = options.rebuild;
  index.all = options.all;
  const archive::WalIndexReport report =
      TRY(archive::run_wal_index(index, *store, session.progress(), stop));
  session.result(wal_index_text(report, options.rebuild), wal_index_json(report));
  if (report.failed.empty()) return ExitStatus::kDone;
  return session.fail_after_result(
      make_error(ErrorKind::kCorrupt,
                 fmt::format("{} could not be read", counted(report.failed.size(), "segment")),
                 "`walkback list` shows what can be recovered all the same"),
      ExitStatus::kFailed);
}

std::string wal_index_text(const archive::WalIndexReport& report, bool rebuilt) {
  std::string text = fmt::format("{} in the archive, {} with an index that says all of them{}\n",
                                 counted(report.segments, "segment"), human_count(report.whole_now),
                                 rebuilt ? " now" : "");
  const auto line = [&](uint64_t count, std::string_view what) {
    if (count > 0) text += fmt::format("  {} {}\n", human_count(count), what);
  };
  line(report.begin_unknown_now,
       "of these begin in the middle of a record, and the segment before is not archived: so much "
       "no index can say");
  if (rebuilt) {
    text += fmt::format("{} made again; before that {} had one that said all\n",
                        human_count(report.rebuilt), human_count(report.whole));
  }
  line(report.missing, rebuilt ? "had none" : "without");
  line(report.damaged, rebuilt ? "had a damaged one, or one that this walkback does not read"
                               : "with a damaged one, or one that this walkback does not read");
  line(report.incomplete,
       rebuilt ? "had one that did not say all" : "with one that does not say all");
  line(report.wrong_sign,
       rebuilt
           ? "had a sign of changed settings (wal_level among them) that was missing, damaged or "
             "without reason"
           : "whose sign of changed settings (wal_level among them) is missing, damaged or "
             "without reason");
  if (rebuilt) {
    line(report.still_incomplete,
         "of those made again still do not say all: the WAL ends there, or what was before is not "
         "archived");
  } else if (report.missing + report.damaged + report.incomplete > 0) {
    text +=
        "`walkback index --rebuild` makes them again, from the segments; it needs an owner's "
        "private key\n";
  } else if (report.wrong_sign > 0) {
    text += "`walkback index --rebuild` makes them again, from the indexes\n";
  }
  if (report.not_archived > 0) {
    text += fmt::format("not archived  {}, the first is {}: `walkback list` shows the gaps\n",
                        counted(report.not_archived, "segment"), report.first_not_archived);
  }
  for (const std::string& failed : report.failed) text += "not read  " + printable(failed) + "\n";
  return text;
}

}  // namespace walkback::cli
