#include "cli/verify_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/time_text.h"
#include "cli/errors.h"
#include "cli/human.h"

namespace walkback::cli {

namespace {

using verify::ClassReport;
using verify::Finding;
using verify::ObjectClass;
using verify::Proof;
using verify::Trouble;
using verify::VerifyReport;

constexpr ObjectClass kClasses[] = {ObjectClass::kManifests, ObjectClass::kMaps,
                                    ObjectClass::kPacks,     ObjectClass::kSegments,
                                    ObjectClass::kIndexes,   ObjectClass::kHistories};
// The strongest first: that is what one looks for.
constexpr Proof kStrongestFirst[] = {Proof::kProved, Proof::kAsWritten, Proof::kSeen,
                                     Proof::kPresent};

const ClassReport& of(const VerifyReport& report, ObjectClass one) {
  return report.classes[static_cast<size_t>(one)];
}

uint64_t count(const ClassReport& report, Proof proof) {
  return report.by_proof[static_cast<size_t>(proof)];
}

std::string words(Proof proof) {
  switch (proof) {
    case Proof::kProved:
      return "proved";
    case Proof::kAsWritten:
      return "stored as written, not opened";
    case Proof::kSeen:
      return "not changed since first read, not opened";
    case Proof::kPresent:
      return "there, not read";
  }
  return {};
}

std::string title(ObjectClass one) {
  switch (one) {
    case ObjectClass::kManifests:
      return "manifests";
    case ObjectClass::kMaps:
      return "page maps";
    case ObjectClass::kPacks:
      return "packs";
    case ObjectClass::kSegments:
      return "WAL segments";
    case ObjectClass::kIndexes:
      return "WAL indexes";
    case ObjectClass::kHistories:
      return "other WAL files";
  }
  return {};
}

std::string proofs(const ClassReport& report) {
  std::string text;
  for (const Proof proof : kStrongestFirst) {
    if (count(report, proof) == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", human_count(count(report, proof)),
                        words(proof));
  }
  if (report.in_trouble > 0) {
    text +=
        fmt::format("{}{} IN TROUBLE", text.empty() ? "" : ", ", human_count(report.in_trouble));
  }
  return text;
}

std::string table(const VerifyReport& report) {
  Table table({{""}, {"SIZE", true}, {"READ NOW", true}, {"OLDEST PROOF"}, {"STATE"}});
  for (const ObjectClass one : kClasses) {
    const ClassReport& found = of(report, one);
    if (found.objects + found.in_trouble == 0) continue;
    table.row({title(one), human_bytes(found.bytes), human_bytes(found.read_bytes),
               found.oldest_proof ? local_second(*found.oldest_proof) : "-", proofs(found)});
  }
  return table.text();
}

bool any_unopened(const VerifyReport& report) {
  return std::ranges::any_of(kClasses, [&](ObjectClass one) {
    return count(of(report, one), Proof::kProved) < of(report, one).objects;
  });
}

// Not of manifests: summaries are read by each run, and are not counted as read.
bool all_read_now(const VerifyReport& report) {
  const auto is_read = [&](ObjectClass one) {
    return of(report, one).read_bytes >= of(report, one).bytes;
  };
  return is_read(ObjectClass::kPacks) && is_read(ObjectClass::kSegments);
}

// Beneath what is said of a finding.
std::string beneath(std::string_view label, const std::string& text) {
  return fmt::format("         {} {}\n", label, printable(text));
}

std::string words(const verify::LostMoments& lost) {
  const std::string after =
      lost.after ? fmt::format(" after {},", local_second(*lost.after)) : std::string();
  return lost.until ? fmt::format("every moment{} up to {}, where the next backup ended", after,
                                  local_second(*lost.until))
                    : fmt::format("every moment{} until a backup is taken", after);
}

std::string trouble_lines(const Finding& finding) {
  std::string text = fmt::format("{:<8} {}: {}\n", verify::trouble_name(finding.trouble),
                                 printable(finding.object), printable(finding.text));
  if (!finding.backups.empty()) {
    constexpr size_t kShown = 4;
    const size_t shown = std::min(kShown, finding.backups.size());
    const std::vector<std::string> first(finding.backups.begin(),
                                         finding.backups.begin() + static_cast<ptrdiff_t>(shown));
    const size_t more = finding.backups.size() - shown;
    text += beneath("needed by", fmt::format("{}{}", fmt::join(first, ", "),
                                             more > 0 ? fmt::format(" and {} more", more) : ""));
  }
  if (finding.lost) text += beneath("lost:", words(*finding.lost));
  return text;
}

// What can be done depends on what it is. In the order in which it is said.
enum class Remedy { kObjects, kWal, kTakeBackup, kIndexes, kNames, kLineage, kKeys };
constexpr Remedy kRemedies[] = {Remedy::kObjects, Remedy::kWal,   Remedy::kTakeBackup,
                                Remedy::kIndexes, Remedy::kNames, Remedy::kLineage,
                                Remedy::kKeys};

// One name, with or without encryption.
bool is_called(const Finding& finding, std::string_view name) {
  const std::string_view file =
      std::string_view(finding.object).substr(finding.object.rfind('/') + 1);
  return file.starts_with(name);
}

bool calls_for(const Finding& finding, Remedy remedy) {
  const bool wal = finding.of == ObjectClass::kSegments || finding.of == ObjectClass::kHistories;
  const bool index = finding.of == ObjectClass::kIndexes;
  const bool lineage = is_called(finding, "lineage.json");
  const bool names = is_called(finding, "names.zst");
  switch (remedy) {
    case Remedy::kObjects:
      return !wal && !index && !lineage && !names;
    case Remedy::kWal:
      return wal;
    case Remedy::kTakeBackup:
      return finding.lost.has_value() || finding.trouble == Trouble::kGap;
    case Remedy::kIndexes:
      return index;
    case Remedy::kNames:
      return names;
    case Remedy::kLineage:
      return lineage;
    case Remedy::kKeys:
      return finding.trouble == Trouble::kUnopened;
  }
  return false;
}

std::string_view words(Remedy remedy) {
  switch (remedy) {
    case Remedy::kObjects:
      return "put the objects of backups back from another copy of the repository; without one, "
             "`walkback backup --full` takes a backup that needs none of them";
    case Remedy::kWal:
      return "WAL comes back from another copy of the repository, or, what is missing, from a "
             "server that has it in pg_wal still, by `walkback wal-push`";
    case Remedy::kTakeBackup:
      return "nothing else brings the lost moments back: take a backup now, so that what comes "
             "after it can be recovered; `walkback list` shows what can be";
    case Remedy::kIndexes:
      return "`walkback index --rebuild` makes WAL indexes and their signs again";
    case Remedy::kNames:
      return "without a backup's names.zst only reports are poorer; the next backup saves names "
             "of its own";
    case Remedy::kLineage:
      return "put lineage.json back from another copy of the repository; without one, remove what "
             "is left of it and run `walkback init` for that cluster";
    case Remedy::kKeys:
      return "what was written for another key opens where that key is";
  }
  return {};
}

std::string remedies(const VerifyReport& report) {
  std::string text;
  for (const Remedy remedy : kRemedies) {
    const bool wanted = std::ranges::any_of(
        report.findings, [&](const Finding& finding) { return calls_for(finding, remedy); });
    if (!wanted) continue;
    std::string sentence(words(remedy));
    if (!text.empty() && sentence[0] >= 'a' && sentence[0] <= 'z') sentence[0] -= 'a' - 'A';
    text += (text.empty() ? "" : ". ") + sentence;
  }
  return text;
}

ErrorKind error_kind(const VerifyReport& report) {
  const Trouble first = report.findings.front().trouble;
  const bool missing = first == Trouble::kMissing || first == Trouble::kGap;
  return missing                       ? ErrorKind::kMissing
         : first == Trouble::kUnopened ? ErrorKind::kDenied
                                       : ErrorKind::kCorrupt;
}

Json json_of(const ClassReport& report) {
  Json json{{"objects", report.objects + report.in_trouble},
            {"bytes", report.bytes},
            {"read", report.read},
            {"bytes_read", report.read_bytes}};
  for (const Proof proof : kStrongestFirst) {
    json[std::string(verify::proof_name(proof))] = count(report, proof);
  }
  json["in_trouble"] = report.in_trouble;
  json["oldest_proof_at"] =
      report.oldest_proof ? Json(to_iso_utc(*report.oldest_proof)) : Json(nullptr);
  return json;
}

Json json_of(const verify::LostMoments& lost) {
  const auto time = [](const std::optional<Timestamp>& at) {
    return at ? Json(to_iso_utc(*at)) : Json(nullptr);
  };
  return {{"timeline", lost.timeline.value},
          {"from_lsn", lost.from_lsn.text()},
          {"after", time(lost.after)},
          {"until", time(lost.until)}};
}

Json json_of(const Finding& finding) {
  return {{"trouble", verify::trouble_name(finding.trouble)},
          {"object", finding.object},
          {"text", finding.text},
          {"backups", finding.backups},
          {"lost", finding.lost ? json_of(*finding.lost) : Json(nullptr)}};
}

}  // namespace

std::string verify_text(const VerifyReport& report) {
  std::string text;
  if (report.resumed_from) {
    text += fmt::format("Went on with the deep run that began at {}.\n\n",
                        local_second(*report.resumed_from));
  }
  text += table(report) + "\n";
  for (const Finding& finding : report.findings) text += trouble_lines(finding);
  if (report.findings_left_out > 0) {
    text += fmt::format("and {} more\n", human_count(report.findings_left_out));
  }
  for (const std::string& warning : report.warnings)
    text += "note     " + printable(warning) + "\n";
  if (!report.sound()) return text;
  if (any_unopened(report)) {
    return text + fmt::format(
                      "Nothing is missing or changed in {}, as far as can be told without a "
                      "private key. Where an owner's key is at hand, `walkback verify` opens "
                      "and compares what is in them.\n",
                      counted(report.backups, "backup"));
  }
  text +=
      fmt::format("Every object of {} and of the WAL is proved", counted(report.backups, "backup"));
  return text + (all_read_now(report) ? ".\n"
                                      : "; what was not read now was proved by earlier runs: "
                                        "`walkback verify --deep` reads all of it again.\n");
}

std::string verify_json(const VerifyReport& report, const Error* error) {
  Json classes;
  for (const ObjectClass one : kClasses) {
    classes[std::string(verify::class_name(one))] = json_of(of(report, one));
  }
  Json findings = Json::array();
  for (const Finding& finding : report.findings) findings.push_back(json_of(finding));
  Json json{{"verify",
             {{"id", report.id},
              {"deep", report.deep},
              {"resumed_from",
               report.resumed_from ? Json(to_iso_utc(*report.resumed_from)) : Json(nullptr)},
              {"sound", report.sound()},
              {"proved", report.all_proved()},
              {"backups", report.backups},
              {"objects", classes},
              {"findings", findings},
              {"findings_left_out", report.findings_left_out},
              {"warnings", report.warnings},
              {"bytes_read", report.read_bytes()},
              {"duration_s", report.duration_s}}}};
  if (error != nullptr) {
    json["error"] = {
        {"kind", error_kind_name(error->kind)}, {"message", error->message}, {"hint", error->hint}};
  }
  return to_text(json);
}

Error trouble_error(const VerifyReport& report) {
  const Finding& first = report.findings.front();
  const uint64_t others = report.findings.size() + report.findings_left_out - 1;
  return make_error(error_kind(report),
                    fmt::format("{}: {}{}", first.object, first.text,
                                others > 0 ? fmt::format(" (and {} more)", others) : ""),
                    remedies(report));
}

Error trouble_count(const VerifyReport& report) {
  std::string kinds;
  for (const Trouble trouble :
       {Trouble::kMissing, Trouble::kDamaged, Trouble::kGap, Trouble::kUnopened}) {
    const auto count = std::ranges::count(report.findings, trouble, &Finding::trouble);
    if (count == 0) continue;
    kinds += fmt::format("{}{} {}", kinds.empty() ? "" : ", ",
                         human_count(static_cast<uint64_t>(count)), verify::trouble_name(trouble));
  }
  if (report.findings_left_out > 0) {
    kinds += fmt::format(", {} more", human_count(report.findings_left_out));
  }
  const uint64_t all = report.findings.size() + report.findings_left_out;
  return make_error(error_kind(report),
                    fmt::format("{} in trouble: {}", counted(all, "object"), kinds),
                    remedies(report));
}

}  // namespace walkback::cli
