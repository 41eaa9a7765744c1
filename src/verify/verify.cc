#include "verify/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <list>

#include "catalog/events.h"
#include "catalog/leases.h"
#include "catalog/lineage.h"
#include "verify/backups.h"
#include "verify/reading.h"
#include "verify/wal.h"
#include "verify/wal_losses.h"

namespace walkback::verify {

namespace {

// So many of the newest packs and segments say whether the keys at hand open any.
constexpr size_t kTried = 4;

class Verify {
 public:
  Verify(const VerifyOptions& options, store::ObjectStore& objects, store::ObjectStore& beneath,
         Clock& clock, Random& random, Progress& progress, std::stop_token stop,
         RunIdentity identity)
      : options_(options),
        objects_(objects),
        beneath_(beneath),
        clock_(clock),
        random_(random),
        progress_(progress),
        stop_(stop),
        limit_(clock, options.limit_bytes_per_s, stop),
        identity_(std::move(identity)) {
    report_.id = identity_.id;
    report_.deep = identity_.deep;
  }

  Result<VerifyReport> run() {
    const std::chrono::nanoseconds started = clock_.monotonic();
    // Where nothing is encrypted, what cannot be read is a finding of its own.
    if (!objects_.encrypted()) {
      ledger_.opened(ObjectClass::kPacks);
      ledger_.opened(ObjectClass::kManifests);
    }
    progress_.begin("listing what there is", 0);
    // First: a backup that ends while we look is not yet one that must be there.
    const std::vector<catalog::Event> events = TRY(catalog::list_events(
        objects_, options_.cluster, [&](const Error& error) { ledger_.warn(error.message); }));
    for (const catalog::Lineage& lineage : TRY(catalog::list_lineages(
             objects_, options_.cluster, [this](pg::SystemIdentifier id, const Error&error) {
               report_lost_lineage(id, error);
             }))) {
      TRY(verify(lineage, events));
    }
    ledger_.settle_unopened();
    ledger_.write_to(report_);
    for (const VerifiedLineage& lineage : lineages_) {
      name_backups(lineage.backups, lineage.archive.layout(), report_.findings);
      WalLosses losses(lineage.archive, lineage.backups);
      for (Finding& finding : report_.findings) losses.explain(finding);
    }
    for (Finding& finding : report_.findings) {
      finding.object = objects_.stored_name(store::ObjectKey(finding.object)).text();
    }
    report_.duration_s = std::chrono::duration<double>(clock_.monotonic() - started).count();
    return std::move(report_);
  }

 private:
  void report_lost_lineage(pg::SystemIdentifier id, const Error& error) {
    const std::string key = catalog::LineageLayout(options_.cluster, id).lineage().text();
    std::string text = error.message;
    for (std::string_view before : {key + ": ", key + " is ", key + " "}) {
      if (text.starts_with(before)) text.erase(0, before.size());
    }
    const bool missing = error.kind == ErrorKind::kMissing;
    ledger_.find(ObjectClass::kManifests,
                 {missing ? Trouble::kMissing : Trouble::kDamaged,
                  key,
                  text + "; without it no backup and no WAL of that cluster is found, and none was "
                         "verified",
                  {}});
  }

  Result<void> verify(const catalog::Lineage& lineage, const std::vector<catalog::Event>& events) {
    const catalog::WalArchive archive(objects_, options_.cluster, lineage);
    const std::unique_ptr<catalog::HeldLease> lease = claim(lineage);
    const std::unique_ptr<Memory> memory =
        TRY(Memory::load(objects_, archive.layout(), identity_, clock_));
    if (memory->resumes()) report_.resumed_from = memory->since();
    Run run{options_, objects_, beneath_, clock_,  progress_,
            limit_,   stop_,    ledger_,  archive, *memory};

    // Backups before WAL: what one needs is archived before it is listed.
    BackupCheck backups(run);
    TRY(backups.take_stock(events));
    WalCheck wal(run, backups.backups());
    TRY(wal.take_stock());
    run.without_key = TRY(opens_none(backups, wal));

    const auto read_all = [&]() -> Result<void> {
      TRY(backups.read());
      return wal.read();
    };
    const Result<void> read = read_all();
    // What was read is remembered, however this ends.
    const Result<void> remembered = read.ok() ? memory->finish([&](const std::string& name) {
      return backups.is_there(name) || wal.is_there(name);
    })
                                              : memory->flush();
    TRY(read);
    TRY(remembered);
    if (memory->not_writable()) {
      ledger_.warn("what was read is not remembered: " + memory->not_writable()->message);
    }
    report_.backups += backups.backups().size();
    lineages_.push_back({archive, backups.backups()});
    return success();
  }

  // What is removed meanwhile must not be missed. A prune that had begun goes on; what it takes is
  // found missing, and by the next run is not.
  std::unique_ptr<catalog::HeldLease> claim(const catalog::Lineage& lineage) {
    catalog::LeaseClaim claim;
    claim.system_identifier = lineage.system_identifier;
    claim.what = "verify";
    auto lease = catalog::HeldLease::take(objects_, options_.cluster, claim, clock_, random_);
    if (lease.ok()) return std::move(lease).value();
    progress_.note("prune does not know of this run: " + lease.error().message);
    return nullptr;
  }

  // One object that any key opens, in the place of one that none here does, must not make damaged
  // ones of all others; nor one that is damaged where its keys stand hide that there is a key.
  Result<bool> opens_none(const BackupCheck& backups, const WalCheck& wal) {
    if (!objects_.encrypted()) return false;
    if (!TRY(wal.opens_any(kTried)) && !TRY(opens_most(backups.newest_packs(kTried)))) return true;
    ledger_.opened(ObjectClass::kPacks);
    return false;
  }
  // A pack does not say of itself that it is one.
  Result<bool> opens_most(const std::vector<store::ObjectKey>& packs) {
    size_t open = 0, closed = 0;
    for (const store::ObjectKey& key : packs) {
      const auto opened = objects_.open(key);
      if (opened.ok()) ++open;
      if (!opened.ok() && opened.error().kind == ErrorKind::kDenied) ++closed;
      if (!opened.ok() && !is_of_the_object(opened.error())) return opened.error();
    }
    return open > closed;
  }

  const VerifyOptions& options_;
  store::ObjectStore& objects_;
  store::ObjectStore& beneath_;
  Clock& clock_;
  Random& random_;
  Progress& progress_;
  const std::stop_token stop_;
  RateLimit limit_;
  const RunIdentity identity_;
  Ledger ledger_;
  VerifyReport report_;
  struct VerifiedLineage {
    catalog::WalArchive archive;
    std::vector<catalog::BackupSummary> backups;
  };
  std::list<VerifiedLineage> lineages_;
};

catalog::VerifySummary summary_of(const VerifyReport& report) {
  const auto is_gap = [](const Finding& finding) { return finding.trouble == Trouble::kGap; };
  return {.in_trouble = report.findings.size() + report.findings_left_out,
          .gaps = static_cast<uint64_t>(std::ranges::count_if(report.findings, is_gap))};
}

// One line for `history`: what was proved of what there is.
std::string detail_of(const VerifyReport& report) {
  uint64_t proved = 0;
  for (const ClassReport& one : report.classes) {
    proved += one.by_proof[static_cast<size_t>(Proof::kProved)];
  }
  return fmt::format("{}{} of {} objects proved, {} in trouble", report.deep ? "deep: " : "",
                     proved, report.objects(), summary_of(report).in_trouble);
}

Error trouble_error(const VerifyReport& report) {
  const Finding& first = report.findings.front();
  const uint64_t others = report.findings.size() + report.findings_left_out - 1;
  return make_error(ErrorKind::kCorrupt,
                    fmt::format("{}: {}{}", first.object, first.text,
                                others > 0 ? fmt::format(" (and {} more)", others) : ""));
}

}  // namespace

bool VerifyReport::all_proved() const {
  return sound() && std::ranges::all_of(classes, [](const ClassReport& one) {
           return one.by_proof[static_cast<size_t>(Proof::kProved)] == one.objects;
         });
}

uint64_t VerifyReport::objects() const {
  uint64_t objects = 0;
  for (const ClassReport& one : classes) objects += one.objects + one.in_trouble;
  return objects;
}

uint64_t VerifyReport::read_bytes() const {
  uint64_t bytes = 0;
  for (const ClassReport& one : classes) bytes += one.read_bytes;
  return bytes;
}

Result<VerifyReport> run_verify(const VerifyOptions& options, store::ObjectStore& objects,
                                store::ObjectStore& beneath, Clock& clock, Random& random,
                                Progress& progress, std::stop_token stop) {
  CHECK(options.workers > 0);
  catalog::Event event = catalog::new_event("verify", clock, random);
  if (options.deep) event.detail = "deep";
  catalog::EventRecorder recorder(objects, options.cluster, clock);
  // Who may only read may verify all the same.
  const Result<void> begun = recorder.begin(event);
  if (!begun.ok()) progress.note("the history does not have this run: " + begun.error().message);

  Verify verify(options, objects, beneath, clock, random, progress, std::move(stop),
                {event.id, event.started_at, options.deep});
  Result<VerifyReport> report = verify.run();

  if (!begun.ok()) return report;
  std::optional<Error> error;
  if (!report.ok()) error = report.error();
  if (report.ok()) {
    event.detail = detail_of(*report);
    event.verify = summary_of(*report);
  }
  if (report.ok() && !report->sound()) error = trouble_error(*report);
  const Result<void> ended = recorder.end(event, error ? &*error : nullptr);
  if (!ended.ok()) {
    progress.note("the history has no end for this run: " + ended.error().message);
  }
  return report;
}

}  // namespace walkback::verify
