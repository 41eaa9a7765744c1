#include "drill/drill.h"

#include <fmt/format.h>

#include <algorithm>

#include "drill/evidence.h"
#include "drill/index_check.h"
#include "drill/page_checksums.h"
#include "restore/target.h"

namespace walkback::drill {

namespace {

constexpr const char* kTarget = "target";

scratch::ScratchOptions scratch_options(const DrillOptions& options, const std::string& id) {
  scratch::ScratchOptions scratch = options.scratch;
  // That all of the backup can be had is what is to be proved.
  scratch.on_demand = false;
  scratch.purpose = "drill";
  scratch.name = id;
  scratch.stand = scratch::Stand::kPromoted;
  scratch.keep_failed = options.keep;
  return scratch;
}

// Whether it says something about what is stored, and not about this host or the moment.
bool is_a_finding(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kCorrupt:
    case ErrorKind::kMissing:
    case ErrorKind::kInvalid:
    case ErrorKind::kIo:
      return true;
    default:
      return false;
  }
}

class Drill {
 public:
  Drill(const DrillOptions& options, const DrillPlan& plan, scratch::Surroundings& around)
      : options_(options), plan_(plan), around_(around) {}

  Result<DrillReport> run() {
    const auto began = around_.clock.monotonic();
    describe();
    Result<std::unique_ptr<scratch::ScratchServer>> recovered =
        scratch::ScratchServer::recover(plan_.scratch, around_);
    if (!recovered.ok() && !is_a_finding(recovered.error())) return recovered.error();
    if (recovered.ok()) {
      TRY(prove(**recovered));
    } else {
      not_recovered(recovered.error());
    }
    report_.summary.total_s = seconds_since(began);
    for (const Proof& proof : report_.proofs) {
      report_.summary.proofs.push_back({proof.name, proof.outcome});
    }
    return std::move(report_);
  }

 private:
  double seconds_since(std::chrono::nanoseconds began) const {
    return std::chrono::duration<double>(around_.clock.monotonic() - began).count();
  }

  void describe() {
    const restore::RecoveryPlan& plan = plan_.scratch.plan;
    report_.id = plan_.event.id;
    report_.plan = plan;
    report_.random = plan_.random;
    catalog::DrillSummary& summary = report_.summary;
    summary.system_identifier = plan.backup.system_identifier;
    summary.backup = plan.backup.id;
    summary.target = restore::target_kind_name(plan.target.kind);
    if (plan_.random) summary.seed = plan_.random->seed;
    summary.timeline = plan.timeline;
    summary.target_lsn = plan.end_lsn;
    if (plan.last_replayed) summary.target_time = plan.last_replayed->time;
    summary.wal_bytes = plan.wal_bytes;
  }

  void not_recovered(const Error& error) {
    report_.proofs.push_back(failed(kTarget, error.message));
    if (options_.keep) report_.kept.root = plan_.scratch.root;
  }

  // The server is asked while it runs; its pages are read once it has written them all.
  Result<void> prove(scratch::ScratchServer& server) {
    const auto began = around_.clock.monotonic();
    const restore::RecoverReport& recovered = server.recovered();
    report_.summary.restore_s = recovered.restore_s;
    report_.summary.replay_s = recovered.replay_s;
    report_.summary.bytes_written = recovered.bytes_written;
    report_.summary.bytes_fetched = recovered.bytes_fetched;
    report_.proofs.push_back(proved(
        kTarget, fmt::format("the server stands at {}, where it was sent", server.lsn().text())));
    const Connect connect = [&](const std::string& database) { return server.connect(database); };
    around_.progress.begin("asking the checks", 0);
    TRY(timed("checks", [&] { return ask_checks(connect); }));
    TRY(timed("row_counts", [&] { return count(connect); }));
    around_.progress.begin("checking tables and indexes", 0);
    TRY(timed("indexes", [&] {
      return check_indexes(server, options_.heap_all_indexed, options_.scratch.workers,
                           around_.stop);
    }));
    around_.progress.begin("checking every page", 0);
    TRY(timed("page_checksums", [&]() -> Result<Proof> {
      TRY(server.stop());
      return check_pages(around_.files, server.data_directory(), server.binaries(), around_.stop);
    }));
    report_.summary.prove_s = seconds_since(began);
    return leave(server);
  }

  // A proof that cannot be carried through has failed: what it needs is here.
  template <typename Step>
  Result<void> timed(const char* name, Step step) {
    const auto began = around_.clock.monotonic();
    Result<Proof> proof = step();
    if (!proof.ok() && proof.error().kind == ErrorKind::kCancelled) return proof.error();
    Proof known = proof.ok() ? *std::move(proof) : failed(name, proof.error().message);
    known.duration_s = seconds_since(began);
    report_.proofs.push_back(std::move(known));
    return success();
  }

  Result<Proof> ask_checks(const Connect& connect) {
    report_.checks = TRY(ask(options_.checks, options_.check_timeout_s, connect, around_.stop));
    return checks_proof(report_.checks);
  }

  Result<Proof> count(const Connect& connect) {
    report_.rows = TRY(count_rows(connect, around_.progress, around_.stop));
    // An earlier drill's evidence that cannot be read is no failure of this one.
    const Result<std::optional<Evidence>> before =
        evidence_before(around_.objects, layout(), report_.summary.target_lsn);
    if (before.ok() && *before) {
      report_.compared_with = (*before)->id;
      report_.remarks = compare_rows(report_.rows.tables, (*before)->rows);
    } else if (!before.ok()) {
      report_.remarks.push_back("rows were compared with no earlier drill: " +
                                before.error().message);
    }
    return rows_proof(report_.rows);
  }

  Result<void> leave(scratch::ScratchServer& server) {
    if (!options_.keep || report_.passed()) return server.remove();
    report_.kept = TRY(server.keep());
    return success();
  }

  catalog::LineageLayout layout() const {
    return {plan_.scratch.plan_options.cluster, report_.summary.system_identifier};
  }

  const DrillOptions& options_;
  const DrillPlan& plan_;
  scratch::Surroundings& around_;
  DrillReport report_;
};

// "target, row_counts": what an event may say to everybody.
std::string names_of(const DrillReport& report, ProofOutcome outcome) {
  std::vector<std::string> names;
  for (const Proof& proof : report.proofs) {
    if (proof.outcome == outcome) names.push_back(proof.name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

void put_down(const DrillReport& report, catalog::Event& event, catalog::EventRecorder& recorder,
              scratch::Surroundings& around, const std::string& cluster) {
  event.drill = report.summary;
  event.detail =
      fmt::format("{}: proved {}", event.detail, names_of(report, ProofOutcome::kProved));
  // First: last_drill() looks for events by it.
  Result<void> kept = put_evidence(
      around.objects, catalog::LineageLayout(cluster, report.summary.system_identifier),
      {report.id, report.summary.target_lsn, report.proofs, report.rows.tables});
  const Error error = make_error(ErrorKind::kCorrupt,
                                 "not as it must be: " + names_of(report, ProofOutcome::kFailed));
  if (kept.ok()) kept = recorder.end(event, report.passed() ? nullptr : &error);
  if (!kept.ok()) around.progress.note("this drill is not in the history: " + kept.error().message);
}

}  // namespace

bool DrillReport::passed() const {
  return std::ranges::find(proofs, ProofOutcome::kFailed, &Proof::outcome) == proofs.end();
}

bool DrillReport::all_proved() const {
  return std::ranges::all_of(
      proofs, [](const Proof& proof) { return proof.outcome == ProofOutcome::kProved; });
}

Result<void> check_drill_directory(const DrillOptions& options, FileSystem& files) {
  return scratch::check_directory(scratch_options(options, "new"), files);
}

Result<DrillPlan> check_drill(const DrillOptions& options, const restore::PlanOptions& plan_options,
                              const restore::RecoveryPlan& plan,
                              const std::optional<RandomTarget>& random,
                              scratch::Surroundings& around) {
  DrillPlan drill;
  drill.event = catalog::new_event("drill", around.clock, around.random);
  drill.event.detail =
      fmt::format("{}{} from backup {}", restore::target_kind_name(plan.target.kind),
                  random ? fmt::format(" (seed {})", random->seed) : "", plan.backup.id.text);
  drill.random = random;
  drill.scratch = TRY(
      scratch::check_scratch(scratch_options(options, drill.event.id), plan_options, plan, around));
  return drill;
}

Result<DrillReport> run_drill(const DrillOptions& options, const DrillPlan& plan,
                              scratch::Surroundings& around) {
  const std::string& cluster = plan.scratch.plan_options.cluster;
  catalog::Event event = plan.event;
  catalog::EventRecorder recorder(around.objects, cluster, around.clock);
  if (const Result<void> begun = recorder.begin(event); !begun.ok()) {
    around.progress.note("this drill is not in the history: " + begun.error().message);
  }
  Result<DrillReport> report = Drill(options, plan, around).run();
  if (report.ok()) {
    put_down(*report, event, recorder, around, cluster);
  } else {
    (void)recorder.end(event, &report.error());
  }
  return report;
}

}  // namespace walkback::drill
