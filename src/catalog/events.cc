#include "catalog/events.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/host_name.h"
#include "catalog/backups.h"
#include "catalog/json.h"
#include "catalog/layout.h"
#include "catalog/leases.h"
#include "catalog/process_identity.h"

namespace walkback::catalog {

namespace {

constexpr std::string_view kBegin = ".begin.json";
constexpr std::string_view kEnd = ".end.json";

store::ObjectKey event_key(const std::string& cluster, const std::string& id,
                           std::string_view which) {
  return store::ObjectKey(fmt::format("{}{}{}", events_folder(cluster), id, which));
}

std::string encode_begin(const Event& event) {
  Json json;
  json["id"] = event.id;
  json["kind"] = event.kind;
  json["started_at"] = to_iso_utc(event.started_at);
  json["host"] = event.host;
  json["detail"] = event.detail;
  json["process"] = event.process;
  // That its end will have the list.
  if (event.removed) json["removed"] = Json::array();
  return to_text(json);
}

std::string encode_end(const Event& event, Timestamp now) {
  Json json;
  json["id"] = event.id;
  json["ended_at"] = to_iso_utc(now);
  json["succeeded"] = event.succeeded;
  json["error"] = event.error;
  if (event.interrupted) json["interrupted"] = true;
  json["detail"] = event.detail;
  if (event.backup) json["backup"] = Json::parse(encode_summary(*event.backup));
  if (event.drill) json["drill"] = Json::parse(encode_drill(*event.drill));
  if (event.verify) {
    json["verify"] = {{"in_trouble", event.verify->in_trouble}, {"gaps", event.verify->gaps}};
  }
  if (event.removed) {
    json["removed"] = Json::array();
    for (const BackupId& id : *event.removed) json["removed"].push_back(id.text);
  }
  return to_text(json);
}

Result<std::vector<BackupId>> decode_removed(const Json& json, const store::ObjectKey& key) {
  const Error wrong =
      make_error(ErrorKind::kCorrupt, key.text() + ": \"removed\" is no list of backups");
  if (!json.is_array()) return wrong;
  std::vector<BackupId> removed;
  for (const Json& id : json) {
    if (!id.is_string()) return wrong;
    removed.push_back({id.get<std::string>()});
  }
  return removed;
}

Result<Event> decode_begin(ByteView bytes, const store::ObjectKey& key) {
  const Json json = TRY(parse_json(bytes, key.text()));
  JsonFields fields(json, key.text());
  Event event;
  event.id = fields.text("id");
  event.kind = fields.text("kind");
  event.started_at = fields.time("started_at");
  event.host = fields.text("host");
  event.detail = fields.text("detail");
  if (fields.has("process")) event.process = fields.text("process");
  TRY(fields.done());
  if (fields.has("removed")) event.removed = TRY(decode_removed(json["removed"], key));
  return event;
}

Result<VerifySummary> decode_verify(const Json& json, const store::ObjectKey& key) {
  JsonFields fields(json, key.text());
  VerifySummary verify;
  verify.in_trouble = fields.number("in_trouble");
  verify.gaps = fields.number("gaps");
  TRY(fields.done());
  return verify;
}

Result<void> decode_end(ByteView bytes, const store::ObjectKey& key, Event& event) {
  const Json json = TRY(parse_json(bytes, key.text()));
  JsonFields fields(json, key.text());
  event.ended_at = fields.time("ended_at");
  event.succeeded = fields.boolean("succeeded");
  event.error = fields.text("error");
  if (fields.has("interrupted")) event.interrupted = fields.boolean("interrupted");
  const std::string detail = fields.text("detail");
  if (!detail.empty()) event.detail = detail;
  TRY(fields.done());
  if (fields.has("backup")) {
    event.backup = TRY(decode_summary(as_bytes(json["backup"].dump()), key.text()));
  }
  if (fields.has("drill")) {
    event.drill = TRY(decode_drill(as_bytes(json["drill"].dump()), key.text()));
  }
  if (fields.has("verify")) event.verify = TRY(decode_verify(json["verify"], key));
  event.removed.reset();
  if (fields.has("removed")) event.removed = TRY(decode_removed(json["removed"], key));
  return success();
}

// Nothing when it was pruned while we read.
Result<std::optional<Event>> read_event(store::ObjectStore& objects, const store::ObjectKey& begin,
                                        const store::ObjectKey* end) {
  const std::optional<Bytes> bytes = TRY(objects.get(begin));
  if (!bytes) return std::optional<Event>();
  Event event = TRY(decode_begin(*bytes, begin));
  if (end) {
    if (const std::optional<Bytes> end_bytes = TRY(objects.get(*end))) {
      TRY(decode_end(*end_bytes, *end, event));
    }
  }
  return std::optional<Event>(std::move(event));
}

bool holds_lease(std::string_view kind) {
  constexpr std::array<std::string_view, 5> kHolders{"backup", "recover", "verify", "prune",
                                                     "drill"};
  return std::ranges::find(kHolders, kind) != kHolders.end();
}

}  // namespace

std::string_view outcome_name(const Event& event) {
  if (event.killed) return "killed";
  if (!event.ended_at) return "no_end";
  return event.succeeded ? "done" : "failed";
}

Event new_event(std::string kind, Clock& clock, Random& random) {
  Event event;
  event.started_at = clock.now();
  event.id = new_backup_id(clock, random).text;
  event.kind = std::move(kind);
  event.host = host_name();
  event.process = this_process();
  return event;
}

EventRecorder::EventRecorder(store::ObjectStore& objects, std::string cluster, Clock& clock)
    : objects_(objects), cluster_(std::move(cluster)), clock_(clock) {}

Result<void> EventRecorder::begin(const Event& event) {
  TRY(objects_.put(event_key(cluster_, event.id, kBegin), as_bytes(encode_begin(event))));
  return success();
}

Result<void> EventRecorder::end(Event event, const Error* error) {
  event.succeeded = error == nullptr;
  if (error) event.error = error->message;
  event.interrupted = error && error->kind == ErrorKind::kCancelled;
  TRY(objects_.put(event_key(cluster_, event.id, kEnd), as_bytes(encode_end(event, clock_.now()))));
  return success();
}

Result<std::vector<Event>> list_events(store::ObjectStore& objects, const std::string& cluster,
                                       const OnUnreadable& unreadable) {
  std::map<std::string, store::ObjectKey> begins, ends;
  const std::string folder = events_folder(cluster);
  TRY(objects.list(folder, "", [&](const store::ObjectInfo& info) {
    const std::string& name = info.key.text();
    auto keep = [&](std::string_view suffix, std::map<std::string, store::ObjectKey>& keys) {
      if (!name.ends_with(suffix)) return;
      keys.emplace(name.substr(folder.size(), name.size() - folder.size() - suffix.size()),
                   info.key);
    };
    keep(kBegin, begins);
    keep(kEnd, ends);
    return true;
  }));
  std::vector<Event> events;
  for (const auto& [id, begin] : begins) {
    const auto end = ends.find(id);
    auto read = TRY(or_left_out(
        read_event(objects, begin, end == ends.end() ? nullptr : &end->second), unreadable));
    if (!read || !*read) continue;
    Event& event = **read;
    if (event.backup) {
      const LineageLayout layout(cluster, event.backup->system_identifier);
      event.location = fmt::format("{}{}/", layout.backups_folder(), event.backup->id.text);
    }
    events.push_back(std::move(event));
  }
  std::stable_sort(events.begin(), events.end(),
                   [](const Event& a, const Event& b) { return a.started_at < b.started_at; });
  return events;
}

Result<void> find_killed(store::ObjectStore& objects, const std::string& cluster, Clock& clock,
                         std::vector<Event>& events) {
  auto open = [](const Event& event) { return !event.ended_at && !event.process.empty(); };
  if (std::ranges::none_of(events, open)) return success();
  std::set<std::string> holders;
  for (const Lease& lease : TRY(list_leases(objects, cluster))) {
    holders.insert(lease.claim.process);
  }
  for (Event& event : events) {
    if (!open(event)) continue;
    const bool leased = holds_lease(event.kind) && event.started_at + kLeaseTaken < clock.now();
    if (!has_ended_here(event.process) && (!leased || holders.contains(event.process))) continue;
    // It may have ended between the two listings.
    const store::ObjectKey end = event_key(cluster, event.id, kEnd);
    const std::optional<Bytes> bytes = TRY(objects.get(end));
    if (bytes) TRY(decode_end(*bytes, end, event));
    event.killed = !bytes;
  }
  return success();
}

Result<std::optional<Event>> last_drill(store::ObjectStore& objects, const std::string& cluster,
                                        pg::SystemIdentifier lineage) {
  const LineageLayout layout(cluster, lineage);
  std::vector<std::string> ids;  // which begin with the time
  TRY(objects.list(layout.drills_folder(), "", [&](const store::ObjectInfo& info) {
    std::string id = info.key.text().substr(layout.drills_folder().size());
    ids.push_back(id.substr(0, id.find('.')));
    return true;
  }));
  std::ranges::sort(ids, std::greater<>());
  for (const std::string& id : ids) {
    const store::ObjectKey end = event_key(cluster, id, kEnd);
    std::optional<Event> event = TRY(read_event(objects, event_key(cluster, id, kBegin), &end));
    if (event && event->ended_at) return event;
  }
  return std::optional<Event>();
}

}  // namespace walkback::catalog
