#include "backup/wal_origin.h"

#include <fmt/format.h>

#include "catalog/server_commands.h"

namespace walkback::backup {

namespace {

// Files are archived in the order of their names (src/backend/postmaster/pgarch.c,
// pgarch_readyXlog), so a later one of the timeline, which may be a backup's history file, tells of
// this one too.
bool says_archived(const std::string& last, const std::string& name) {
  constexpr size_t kTimelineDigits = 8;
  return last.size() >= name.size() && last >= name &&
         last.compare(0, kTimelineDigits, name, 0, kTimelineDigits) == 0;
}

Error archived_elsewhere(const std::string& name, const std::string& where) {
  return make_error(
      ErrorKind::kInvalid,
      fmt::format("the server calls WAL segment {} archived, and it is not in {}", name, where),
      "its archive_command gives the WAL to something else: `walkback check` shows it, "
      "`walkback init --apply` sets walkback's");
}

Result<void> ask_archiver(pgconn::Connection& server, const catalog::WalArchive& archive,
                          const std::string& name) {
  // It may have arrived since it was looked for.
  if (!says_archived(TRY(last_archived(server)), name) || TRY(archive.has(name))) return success();
  return archived_elsewhere(name, archive.description());
}

std::string did_not_arrive(const std::string& name, std::chrono::seconds waited,
                           pgconn::Connection* server) {
  std::string message = fmt::format("WAL segment {} did not arrive in the repository within {} s",
                                    name, waited.count());
  if (server == nullptr) return message;
  const Result<std::optional<std::string>> failure = last_archive_failure(*server);
  if (failure.ok() && *failure) message += "; " + **failure;
  return message;
}

class OwnArchiver final : public WalOrigin {
 public:
  OwnArchiver(pgconn::Connection& server, const catalog::WalArchive& archive)
      : server_(server), archive_(archive) {}

  Result<void> ask(const std::string& name) override {
    return ask_archiver(server_, archive_, name);
  }
  Result<bool> has_whole(pg::SegmentName) override { return true; }
  Error late(const std::string& name, std::chrono::seconds waited) override {
    return make_error(
        ErrorKind::kTransient, did_not_arrive(name, waited, &server_),
        "look at the server's log for what archive_command says, mend that, and back up again");
  }

 private:
  pgconn::Connection& server_;
  const catalog::WalArchive& archive_;
};

class PrimarysArchiver final : public WalOrigin {
 public:
  PrimarysArchiver(pgconn::Connection& standby, const ConnectToPrimary& connect,
                   const catalog::WalArchive& archive, Progress& progress)
      : standby_(standby), connect_(connect), archive_(archive), progress_(progress) {}

  // The session is not kept: a backup may take a day.
  Result<void> check() const {
    if (!connect_) return success();
    const std::unique_ptr<pgconn::Connection> primary = TRY(connect_());
    const ServerFacts facts = TRY(read_server_facts(*primary));
    const std::string hint = "correct postgresql.primary_conninfo in the configuration";
    if (facts.system_identifier != archive_.lineage().system_identifier) {
      return make_error(ErrorKind::kInvalid,
                        "the server in postgresql.primary_conninfo is of another cluster", hint);
    }
    if (facts.in_recovery) {
      return make_error(ErrorKind::kInvalid,
                        "the server in postgresql.primary_conninfo is a standby itself", hint);
    }
    TRY_CONTEXT(check_archives(facts), "the primary");
    return check_archives_here(facts, archive_);
  }

  void hurry() override {
    if (!connect_) return;
    Result<std::unique_ptr<pgconn::Connection>> primary = connect_();
    const Result<std::string> ended = primary.ok()
                                          ? pgconn::query_text(**primary, "SELECT pg_switch_wal()")
                                          : Result<std::string>(primary.error());
    if (primary.ok()) primary_ = *std::move(primary);
    if (ended.ok()) return;
    progress_.note("the primary was not made to end its WAL segment: " + ended.error().message);
  }

  Result<void> ask(const std::string& name) override {
    if (primary_ && primary_->alive()) return ask_archiver(*primary_, archive_, name);
    // A segment that is about to arrive needs no words.
    if (++asked_ == 2 && !connect_) {
      progress_.note(fmt::format(
          "waiting for the primary to archive {}: it does when the segment is full, when its "
          "archive_timeout passes, or when pg_switch_wal() is called there, which walkback does "
          "where postgresql.primary_conninfo says how",
          name));
    }
    return success();
  }

  // What a walreceiver is in the middle of holds the end of an older segment, or zeros. What came
  // from the archive is whole, and the same.
  Result<bool> has_whole(pg::SegmentName segment) override {
    const pg::Lsn end =
        pg::SegmentName{segment.timeline, segment.number + 1}.start(archive_.segment_bytes());
    return TRY(pgconn::query_text(standby_,
                                  "SELECT coalesce(greatest(pg_last_wal_receive_lsn(), "
                                  "pg_last_wal_replay_lsn()) >= $1::pg_lsn, false)",
                                  {end.text()})) == "t";
  }

  Error late(const std::string& name, std::chrono::seconds waited) override {
    const Result<bool> arrived = archive_.has(name);
    if (arrived.ok() && *arrived) {
      return make_error(
          ErrorKind::kTransient,
          fmt::format("WAL segment {} is in the repository, and within {} s this standby did not "
                      "receive all of it: whether they are the same is not known",
                      name, waited.count()),
          "look at whether the standby follows its primary, and back up again");
    }
    return make_error(
        ErrorKind::kTransient,
        did_not_arrive(name, waited, primary_ && primary_->alive() ? primary_.get() : nullptr),
        "the primary archives it: look at its log, and at its archive_timeout if it is idle; with "
        "postgresql.primary_conninfo walkback calls pg_switch_wal() there");
  }

 private:
  pgconn::Connection& standby_;
  const ConnectToPrimary& connect_;
  const catalog::WalArchive& archive_;
  Progress& progress_;
  std::unique_ptr<pgconn::Connection> primary_;
  int asked_ = 0;
};

}  // namespace

Result<void> check_archives_here(const ServerFacts& facts, const catalog::WalArchive& archive) {
  const std::string& last = facts.last_archived;
  const bool foreign = catalog::is_foreign_archive_command(facts.archive_command);
  // Names other than a segment's are rare, and no evidence.
  if (!foreign || !pg::SegmentName::parse(last, archive.segment_bytes()).ok()) return success();
  if (TRY(archive.has(last))) return success();
  return archived_elsewhere(last, archive.description());
}

std::unique_ptr<WalOrigin> own_archiver(pgconn::Connection& server,
                                        const catalog::WalArchive& archive) {
  return std::make_unique<OwnArchiver>(server, archive);
}

Result<std::unique_ptr<WalOrigin>> primarys_archiver(pgconn::Connection& standby,
                                                     const ConnectToPrimary& connect,
                                                     const catalog::WalArchive& archive,
                                                     Progress& progress) {
  auto origin = std::make_unique<PrimarysArchiver>(standby, connect, archive, progress);
  TRY(origin->check());
  return std::unique_ptr<WalOrigin>(std::move(origin));
}

}  // namespace walkback::backup
