#include "verify/backups.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_set>

#include "base/sort_unique.h"
#include "catalog/backups.h"
#include "catalog/leases.h"
#include "catalog/manifest.h"
#include "catalog/names.h"
#include "pg/control_file.h"
#include "verify/removed_backups.h"

namespace walkback::verify {

namespace {

// 32 MiB and a frame, or 8 MiB and a map, and some room for packs of other writers.
constexpr uint64_t kLargestPack = 256 << 20;
// Maps that earlier manifests of the same pass had. Beyond so many, one is looked at again.
constexpr size_t kMapsKept = 1 << 20;

std::optional<repo::PackId> pack_id(std::string_view hex) {
  repo::PackId id;
  if (hex.size() != 2 * id.bytes.size()) return std::nullopt;
  for (size_t i = 0; i < hex.size(); ++i) {
    const char c = hex[i];
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return std::nullopt;
    id.bytes[i / 2] = id.bytes[i / 2] << 4 | static_cast<std::byte>(digit);
  }
  return id;
}

// As summaries name packs: "packs/ID", "maps/ID".
std::optional<PackKey> pack_of_summary(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view folder = text.substr(0, slash);
  if (folder != "packs" && folder != "maps") return std::nullopt;
  const auto id = pack_id(text.substr(slash + 1));
  if (!id) return std::nullopt;
  return PackKey{folder == "maps" ? PackOf::kMaps : PackOf::kPages, *id};
}

std::string summary_name(const PackKey& key) {
  return (key.of == PackOf::kMaps ? "maps/" : "packs/") + key.id.text();
}

NamedFrame named(const repo::Frame& frame) {
  return {frame.location.offset, frame.location.length, frame.content_bytes, frame.hash,
          frame.stored_hash};
}

}  // namespace

// One pass over the manifests.
struct BackupCheck::Walk {
  bool reports = true;  // the first pass does
  std::unordered_set<uint64_t> maps_seen;
  // Of one manifest.
  uint64_t files = 0;
  uint64_t bytes = 0;
  bool whole = true;

  // False when an earlier manifest had this very map.
  bool is_new(uint64_t map) {
    if (maps_seen.size() >= kMapsKept) return !maps_seen.contains(map);
    return maps_seen.insert(map).second;
  }
};

BackupCheck::BackupCheck(Run& run) : run_(run), table_(run.options.frames_in_memory) {}

store::ObjectKey BackupCheck::key_of(const PackKey& key) const {
  const std::string prefix =
      key.of == PackOf::kMaps ? run_.layout().map_prefix() : run_.layout().pack_prefix();
  return repo::pack_key(prefix, key.id);
}

Subject BackupCheck::subject_of(const PackKey& key, const Pack& pack) const {
  return {key.of == PackOf::kMaps ? ObjectClass::kMaps : ObjectClass::kPacks, key_of(key),
          pack.stored_bytes.value_or(0)};
}

uint64_t BackupCheck::stored_bytes(const store::ObjectKey& key) const {
  const auto found = stored_.find(key.text());
  return found == stored_.end() ? 0 : found->second;
}

Subject BackupCheck::manifest_of(const catalog::BackupSummary& backup) const {
  const store::ObjectKey key = run_.layout().manifest(backup.id);
  return {ObjectClass::kManifests, key, stored_bytes(key)};
}

void BackupCheck::report_manifest(const catalog::BackupSummary& backup, std::string text) {
  report(run_, manifest_of(backup), make_error(ErrorKind::kCorrupt, std::move(text)));
}

// A prune takes the manifest first, and the summary before its mark. So one that runs, and one that
// was killed, have their mark; of one that ended since the listing the summary is gone by now.
Result<bool> BackupCheck::goes(const catalog::BackupId& backup) {
  if (TRY(is_marked(backup))) return true;
  return !TRY(run_.objects.info(run_.layout().summary(backup)));
}

Result<bool> BackupCheck::is_marked(const catalog::BackupId& backup) {
  for (const catalog::PruneMark& mark :
       TRY(catalog::list_marks(run_.objects, run_.options.cluster))) {
    const bool is_of_it = mark.system_identifier == run_.archive.lineage().system_identifier;
    if (is_of_it && std::ranges::find(mark.removed, backup) != mark.removed.end()) return true;
  }
  return false;
}

Result<void> BackupCheck::find_lost(const std::vector<catalog::Event>& events) {
  const RemovedBackups removed =
      TRY(RemovedBackups::of(events, run_.objects, run_.options.cluster, run_.clock));
  std::vector<catalog::BackupSummary> lost;
  for (const catalog::Event& event : events) {
    if (!event.succeeded || !event.backup) continue;
    const catalog::BackupSummary& backup = *event.backup;
    if (backup.system_identifier != run_.archive.lineage().system_identifier) continue;
    const store::ObjectKey manifest = run_.layout().manifest(backup.id);
    if (stored_.contains(manifest.text())) continue;
    // One that was pruned has no summary either.
    if (!stored_.contains(run_.layout().summary(backup.id).text())) {
      if (!removed.may_include(backup)) lost.push_back(backup);
    } else if (!TRY(goes(backup.id))) {
      report(run_, {ObjectClass::kManifests, manifest, 0},
             make_error(ErrorKind::kMissing,
                        "the history says that this backup was made, its summary is there, and its "
                        "manifest is not"));
    }
  }
  return lost.empty() ? success() : look_again_for(lost);
}

// First for marks, then at the history anew: a prune says there what it removed before its mark
// goes.
Result<void> BackupCheck::look_again_for(const std::vector<catalog::BackupSummary>& lost) {
  std::set<catalog::BackupId> marked;
  for (const catalog::BackupSummary& backup : lost) {
    if (TRY(is_marked(backup.id))) marked.insert(backup.id);
  }
  bool all_read = true;
  const std::vector<catalog::Event> events = TRY(catalog::list_events(
      run_.objects, run_.options.cluster, [&](const Error&) { all_read = false; }));
  const RemovedBackups removed =
      TRY(RemovedBackups::of(events, run_.objects, run_.options.cluster, run_.clock));
  for (const catalog::BackupSummary& backup : lost) {
    if (marked.contains(backup.id) || removed.may_include(backup)) continue;
    const store::ObjectKey manifest = run_.layout().manifest(backup.id);
    if (!all_read) {
      run_.ledger.warn(
          fmt::format("nothing of backup {} is there, and whether a prune removed it is not known: "
                      "not all of the history can be read",
                      backup.id.text));
      continue;
    }
    report(run_, {ObjectClass::kManifests, manifest, 0},
           make_error(ErrorKind::kMissing,
                      "the history says that this backup was made, nothing of it is there, and no "
                      "prune says that it removed it"));
  }
  return success();
}

Result<void> BackupCheck::take_stock(const std::vector<catalog::Event>& events) {
  const catalog::LineageLayout& layout = run_.layout();
  TRY(run_.objects.list(layout.backups_folder(), "", [&](const store::ObjectInfo& info) {
    stored_.emplace(info.key.text(), info.size);
    return true;
  }));
  // One whose summary cannot be read is none of those returned; its error names the object.
  backups_ = TRY(catalog::list_backups(run_.objects, layout, [&](const Error& error) {
    for (const auto& [name, size] : stored_) {
      if (!name.ends_with("/summary.json") && !name.ends_with("/manifest.zst")) continue;
      const std::string summary = name.substr(0, name.rfind('/')) + "/summary.json";
      if (error.message.find(summary) == std::string::npos) continue;
      Error found = error;
      if (!stored_.contains(summary)) found.kind = ErrorKind::kMissing;
      report(run_, {ObjectClass::kManifests, store::ObjectKey(summary), size}, found);
      return;
    }
  }));
  TRY(find_lost(events));
  const Timestamp now = run_.clock.now();
  for (const catalog::BackupSummary& backup : backups_) {
    const store::ObjectKey summary = layout.summary(backup.id);
    run_.ledger.count(ObjectClass::kManifests, stored_bytes(summary), Proof::kProved, now);
    add_packs(backup);
  }
  TRY(list_packs(PackOf::kPages));
  TRY(list_packs(PackOf::kMaps));
  return success();
}

void BackupCheck::add_packs(const catalog::BackupSummary& backup) {
  for (const std::string& text : backup.packs) {
    const std::optional<PackKey> key = pack_of_summary(text);
    if (key) table_.packs().try_emplace(*key);
    if (!key) report_manifest(backup, fmt::format("its summary names a pack '{}'", text));
  }
}

Result<void> BackupCheck::list_packs(PackOf of) {
  const std::string folder =
      (of == PackOf::kMaps ? run_.layout().map_prefix() : run_.layout().pack_prefix()) + "/";
  TRY(run_.objects.list(folder, "", [&](const store::ObjectInfo& info) {
    std::string_view name = info.key.text();
    name.remove_prefix(name.rfind('/') + 1);
    if (!name.ends_with(".zst")) return true;
    const std::optional<repo::PackId> id = pack_id(name.substr(0, name.size() - 4));
    if (!id) return true;
    if (Pack* pack = table_.find({of, *id})) pack->stored_bytes = info.size;
    return true;
  }));
  return success();
}

std::vector<store::ObjectKey> BackupCheck::newest_packs(size_t count) const {
  std::vector<store::ObjectKey> keys;
  for (auto backup = backups_.rbegin(); backup != backups_.rend(); ++backup) {
    for (auto text = backup->packs.rbegin(); text != backup->packs.rend(); ++text) {
      const std::optional<PackKey> key = pack_of_summary(*text);
      if (!key || key->of != PackOf::kPages) continue;
      if (keys.size() == count) return keys;
      keys.push_back(key_of(*key));
    }
  }
  return keys;
}

bool BackupCheck::is_there(const std::string& name) const {
  if (stored_.contains(run_.layout().folder() + name)) return true;
  const size_t slash = name.rfind('/');
  // Names that were lost matter as long as their backup is there.
  if (name.ends_with("/names.zst")) {
    return stored_.contains(run_.layout().folder() + name.substr(0, slash) + "/manifest.zst");
  }
  if (slash == std::string::npos || !name.ends_with(".zst")) return false;
  const std::string id = name.substr(slash + 1, name.size() - slash - 5);
  const auto key = pack_of_summary(name.substr(0, name.find('/') + 1) + id);
  return key && table_.packs().contains(*key);
}

void BackupCheck::settle_packs() {
  for (auto& [key, pack] : table_.packs()) {
    const Subject subject = subject_of(key, pack);
    if (!pack.stored_bytes) {
      report(run_, subject, make_error(ErrorKind::kMissing, "it is not there"));
      continue;
    }
    pack.known = run_.memory.find(run_.name_of(subject.key));
    pack.wanted = settled(run_, subject) == nullptr;
  }
}

void BackupCheck::count_settled_packs() {
  for (const auto& [key, pack] : table_.packs()) {
    if (pack.wanted || !pack.stored_bytes) continue;
    const Subject subject = subject_of(key, pack);
    if (!run_.ledger.in_trouble(subject.key.text())) is_settled(run_, subject);
  }
}

bool BackupCheck::needs_walk(const catalog::BackupSummary& backup) const {
  for (const std::string& text : backup.packs) {
    const std::optional<PackKey> key = pack_of_summary(text);
    const auto found = key ? table_.packs().find(*key) : table_.packs().end();
    if (found == table_.packs().end() || found->second.wanted) return true;
  }
  return false;
}

Result<void> BackupCheck::read() {
  settle_packs();
  bool first_pass = true;
  for (auto from = table_.packs().begin(); first_pass || from != table_.packs().end();) {
    table_.begin_pass(from);
    TRY(walk_all(first_pass));
    TRY(read_packs(from, table_.end_of_pass()));
    from = table_.end_of_pass();
    first_pass = false;
  }
  count_settled_packs();
  for (const catalog::BackupSummary& backup : backups_) TRY(check_names(backup));
  return success();
}

Result<void> BackupCheck::check_names(const catalog::BackupSummary& backup) {
  const store::ObjectKey key = run_.layout().names(backup.id);
  if (!stored_.contains(key.text())) return check_lost_names(backup);
  const Subject subject{ObjectClass::kManifests, key, stored_bytes(key)};
  if (is_settled(run_, subject)) return success();
  TRY(run_.limit.take(subject.stored_bytes));
  const auto outcome = [&]() -> Result<void> {
    const catalog::SavedNames names = TRY(catalog::get_saved_names(run_.objects, key));
    const std::optional<codec::Sha256> wanted = TRY(names_of(backup));
    if (!wanted || *wanted == names.seal) return success();
    return make_error(ErrorKind::kCorrupt,
                      "they are not the names that were saved with this backup, but another's");
  }();
  if (!outcome.ok()) {
    TRY(verify::not_read(run_, subject, outcome.error()));
    // Should they go, too: that they were there.
    Known seen;
    seen.damaged_at = run_.clock.now();
    return run_.memory.remember(run_.name_of(key), std::move(seen));
  }
  run_.ledger.count_read(subject.of, subject.stored_bytes);
  if (run_.encrypted()) run_.ledger.opened(subject.of);
  return proved(run_, subject);
}

// A backup may lack them: then its manifest has no hash of any, and no earlier run saw them.
Result<void> BackupCheck::check_lost_names(const catalog::BackupSummary& backup) {
  const store::ObjectKey key = run_.layout().names(backup.id);
  const auto read = names_.find(backup.id);
  const bool was_saved = read != names_.end() && read->second;
  if (!was_saved && run_.memory.find(run_.name_of(key)) == nullptr) return success();
  // Of a backup that ended, or went, since the listing.
  if (TRY(run_.objects.info(key)) || TRY(goes(backup.id))) return success();
  report(run_, {ObjectClass::kManifests, key, 0},
         make_error(ErrorKind::kMissing,
                    "the names that were saved with this backup are not there: "
                    "what was dropped since has none in reports"));
  return success();
}

Result<std::optional<codec::Sha256>> BackupCheck::names_of(const catalog::BackupSummary& backup) {
  using Names = std::optional<codec::Sha256>;
  const auto read = names_.find(backup.id);
  if (read != names_.end()) return read->second;
  auto opened = catalog::open_manifest(run_.objects, run_.layout(), backup.id);
  if (!opened.ok())
    return is_of_the_object(opened.error()) ? Names() : Result<Names>(opened.error());
  while (true) {
    TRY(run_.limit.take(0));
    auto entry = (*opened)->next_record();
    if (!entry.ok())
      return is_of_the_object(entry.error()) ? Names() : Result<Names>(entry.error());
    if (!*entry) return Names();
    const auto* conclusion = std::get_if<catalog::ManifestConclusion>(&**entry);
    if (conclusion == nullptr) continue;
    return conclusion->summary_sha256 == backup.sha256 ? conclusion->names_sha256 : Names();
  }
}

Result<void> BackupCheck::walk_all(bool first_pass) {
  Walk walk;
  walk.reports = first_pass;
  if (first_pass) run_.progress.begin("reading manifests and page maps", 0);
  for (const catalog::BackupSummary& backup : backups_) {
    const Subject subject = manifest_of(backup);
    const bool needed = needs_walk(backup);
    // In the first pass it is counted, once; what needs a walk for its packs alone is read with it.
    if (first_pass && !needed && is_settled(run_, subject)) continue;
    if (!first_pass && !needed) continue;
    TRY(this->walk(backup, walk));
  }
  return success();
}

Result<void> BackupCheck::walk(const catalog::BackupSummary& backup, Walk& walk) {
  const Subject subject = manifest_of(backup);
  TRY(run_.limit.take(subject.stored_bytes));
  const auto not_read = [&](const Error& error) {
    return walk.reports ? verify::not_read(run_, subject, error) : success();
  };
  auto opened = catalog::open_manifest(run_.objects, run_.layout(), backup.id);
  if (!opened.ok()) return not_read(opened.error());
  if (walk.reports) {
    run_.ledger.count_read(subject.of, subject.stored_bytes);
    if (run_.encrypted()) run_.ledger.opened(subject.of);
  }
  catalog::ManifestReader& manifest = **opened;
  walk.files = walk.bytes = 0;
  walk.whole = true;
  while (true) {
    TRY(run_.limit.take(0));
    auto entry = manifest.next_record();
    if (!entry.ok()) return not_read(entry.error());
    if (!*entry) break;
    if (const auto* file = std::get_if<catalog::ManifestRecord>(&**entry)) {
      TRY(walk_file(backup, *file, manifest, walk));
    } else if (const auto* conclusion = std::get_if<catalog::ManifestConclusion>(&**entry)) {
      for (const catalog::ManifestPack& pack : conclusion->packs) {
        Pack* known = table_.find({pack.maps ? PackOf::kMaps : PackOf::kPages, pack.id});
        if (known != nullptr && pack.stored_hash) known->as_written = pack.stored_hash;
      }
      walk.whole = TRY(conclude(backup, *conclusion, walk)) && walk.whole;
    }
  }
  if (!walk.reports || run_.ledger.in_trouble(subject.key.text())) return success();
  if (walk.whole) return proved(run_, subject);
  // Its own bytes are right, and what it refers to could not be read.
  run_.ledger.count(subject.of, subject.stored_bytes, Proof::kPresent, {});
  return success();
}

Result<void> BackupCheck::walk_file(const catalog::BackupSummary& backup,
                                    const catalog::ManifestRecord& file,
                                    catalog::ManifestReader& manifest, Walk& walk) {
  ++walk.files;
  walk.bytes += file.file_bytes;
  if (file.file_bytes == 0) return success();
  std::optional<PackKey> map_pack;
  const auto* place = std::get_if<catalog::ManifestRecord::MapPlace>(&file.map);
  uint64_t seen = 0;
  if (place != nullptr) {
    map_pack = PackKey{PackOf::kMaps, place->location.pack};
    const NamedFrame frame{place->location.offset, place->location.length, place->content_bytes,
                           place->hash, 0};
    Pack* pack = table_.find(*map_pack);
    if (pack == nullptr) {
      walk.whole = false;
      report_manifest(backup,
                      fmt::format("the page map of {} lies in {}, which is none of its packs",
                                  file.name, summary_name(*map_pack)));
      return success();
    }
    if (!pack->stored_bytes) {
      walk.whole = false;
      return success();
    }
    table_.add_frame(*map_pack, frame);
    std::array<std::byte, 40> where{};
    std::ranges::copy(place->location.pack.bytes, where.begin());
    std::memcpy(where.data() + 16, &place->location.offset, 4);
    std::memcpy(where.data() + 20, &place->location.length, 4);
    std::ranges::copy(place->hash.bytes, where.begin() + 24);
    seen = codec::hash_frame(where);
  } else {
    seen = codec::hash_frame(std::get<Bytes>(file.map));
  }
  if (!walk.is_new(seen)) return success();
  const Result<repo::PageMap> map = manifest.map_of(file);
  if (!map.ok()) {
    walk.whole = false;
    if (map.error().kind == ErrorKind::kDenied) return success();  // its pack says so of itself
    if (!is_of_the_object(map.error())) return map.error();
    if (!map_pack) {
      report_manifest(backup, map.error().message);
    } else {
      report(run_, subject_of(*map_pack, *table_.find(*map_pack)),
             make_error(ErrorKind::kCorrupt,
                        fmt::format("the page map of {}: {}", file.name, map.error().message)));
    }
    return success();
  }
  for (const repo::Frame& frame : map->frames) {
    const PackKey key{PackOf::kPages, frame.location.pack};
    Pack* pack = table_.find(key);
    if (pack == nullptr) {
      walk.whole = false;
      report_manifest(backup, fmt::format("{} lies in {}, which is none of its packs", file.name,
                                          summary_name(key)));
      continue;
    }
    const NamedFrame name = named(frame);
    // One that was read before, and compared with what maps said then: this says something else.
    const bool was_compared = !pack->wanted && pack->known != nullptr &&
                              pack->known->proof == Proof::kProved &&
                              !std::ranges::binary_search(pack->known->frames, fingerprint(name));
    if (was_compared && pack->stored_bytes) pack->wanted = true;
    table_.add_frame(key, name);
  }
  return success();
}

// The manifest is this backup's, and says no more and no less than its summary.
Result<bool> BackupCheck::conclude(const catalog::BackupSummary& backup,
                                   const catalog::ManifestConclusion& conclusion,
                                   const Walk& walk) {
  const auto wrong = [&](std::string text) {
    report_manifest(backup, std::move(text));
    return false;
  };
  if (conclusion.summary_sha256 != backup.sha256) {
    return wrong("it is not the manifest that the summary beside it was written with");
  }
  names_[backup.id] = conclusion.names_sha256;
  if (conclusion.files != walk.files || conclusion.bytes != walk.bytes) {
    return wrong(fmt::format("it lists {} files of {} bytes, and says that they are {} of {}",
                             walk.files, walk.bytes, conclusion.files, conclusion.bytes));
  }
  std::set<std::string> packs;
  for (const catalog::ManifestPack& pack : conclusion.packs) {
    packs.insert(summary_name({pack.maps ? PackOf::kMaps : PackOf::kPages, pack.id}));
  }
  if (packs != std::set<std::string>(backup.packs.begin(), backup.packs.end())) {
    return wrong("its packs are not those that its summary names");
  }
  const Result<pg::ControlFile> control = pg::parse_control_file(conclusion.pg_control);
  if (!control.ok()) return wrong("its pg_control: " + control.error().message);
  if (control->system_identifier != run_.archive.lineage().system_identifier) {
    return wrong("its pg_control is another cluster's");
  }
  // Without its names it is read again by each run: who is to know else that there were any?
  return !conclusion.names_sha256 || stored_.contains(run_.layout().names(backup.id).text());
}

Result<void> BackupCheck::read_packs(PackTable::Packs::iterator begin,
                                     PackTable::Packs::iterator end) {
  std::vector<PackTable::Packs::iterator> tasks;
  uint64_t bytes = 0;
  for (auto pack = begin; pack != end; ++pack) {
    if (!pack->second.wanted) continue;
    tasks.push_back(pack);
    bytes += *pack->second.stored_bytes;
  }
  if (tasks.empty()) return success();
  run_.progress.begin("reading packs", bytes);
  std::vector<PackChecker> checkers(static_cast<size_t>(run_.options.workers));
  return side_by_side(run_, tasks.size(), [&](int worker, size_t task) {
    return read_pack(tasks[task]->first, tasks[task]->second,
                     checkers[static_cast<size_t>(worker)]);
  });
}

Result<void> BackupCheck::read_pack(const PackKey& key, Pack& pack, PackChecker& checker) {
  const Subject subject = subject_of(key, pack);
  PackTable::sort(pack);
  const auto outcome = [&]() -> Result<void> {
    const std::optional<Bytes> bytes = TRY(read_content(run_, subject, kLargestPack));
    if (!bytes) return compare_stored(run_, subject, kLargestPack, pack.as_written);
    TRY(checker.check(*bytes, key.of, pack.frames));
    std::vector<uint32_t> frames;
    // What it was compared with before is still so: its bytes are.
    if (pack.known != nullptr) frames = pack.known->frames;
    for (const NamedFrame& frame : pack.frames) frames.push_back(fingerprint(frame));
    sort_unique(frames);
    return proved(run_, subject, std::move(frames));
  }();
  if (outcome.ok() || !is_of_the_object(outcome.error())) return outcome;
  report(run_, subject, outcome.error());
  return success();
}

void name_backups(const std::vector<catalog::BackupSummary>& backups,
                  const catalog::LineageLayout& layout, std::vector<Finding>& findings) {
  const std::string& folder = layout.folder();
  for (Finding& finding : findings) {
    if (!finding.object.starts_with(folder) || !finding.backups.empty()) continue;
    const std::string name = finding.object.substr(folder.size());
    std::string pack;
    if (name.starts_with("packs/") || name.starts_with("maps/")) {
      const size_t slash = name.rfind('/');
      pack = name.substr(0, name.find('/') + 1) + name.substr(slash + 1, name.size() - slash - 5);
    } else if (name.starts_with("backups/")) {
      finding.backups.push_back(name.substr(8, name.find('/', 8) - 8));
      continue;
    }
    if (pack.empty()) continue;
    for (const catalog::BackupSummary& backup : backups) {
      if (std::ranges::find(backup.packs, pack) != backup.packs.end()) {
        finding.backups.push_back(backup.id.text);
      }
    }
  }
}

}  // namespace walkback::verify
