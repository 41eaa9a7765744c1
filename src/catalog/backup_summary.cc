#include "catalog/backup_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "catalog/json.h"

namespace walkback::catalog {

namespace {

// How the object goes on behind its last field.
std::string closing(const codec::Sha256& sha256) {
  return fmt::format("  \"sha256\": \"{}\"\n}}\n", to_hex(sha256));
}

}  // namespace

std::string_view backup_type_name(BackupType type) {
  return type == BackupType::kFull ? "full" : "incremental";
}

std::string encode_summary(const BackupSummary& summary) {
  Json json;
  json["id"] = summary.id.text;
  json["type"] = backup_type_name(summary.type);
  json["label"] = summary.label;
  json["system_identifier"] = fmt::format("{}", summary.system_identifier.value);
  json["server_version_num"] = summary.server_version_num;
  json["wal_segment_bytes"] = summary.wal_segment_bytes;
  json["started_at"] = to_iso_utc(summary.started_at);
  json["stopped_at"] = to_iso_utc(summary.stopped_at);
  json["from_standby"] = summary.from_standby;
  json["timeline"] = summary.timeline.value;
  json["start_lsn"] = summary.start_lsn.text();
  json["stop_lsn"] = summary.stop_lsn.text();
  json["files"] = summary.files;
  json["bytes_raw"] = summary.bytes_raw;
  json["bytes_read"] = summary.bytes_read;
  json["bytes_reread"] = summary.bytes_reread;
  json["bytes_stored"] = summary.bytes_stored;
  json["duration_s"] = summary.duration_s;
  json["bad_pages"] = summary.bad_pages;
  json["unexplained_pages"] = summary.unexplained_pages;
  json["packs"] = summary.packs;
  if (!summary.pack_bytes.empty()) json["pack_bytes"] = summary.pack_bytes;
  return to_text(json);
}

Result<BackupSummary> decode_summary(ByteView bytes, std::string_view name) {
  const Json json = TRY(parse_json(bytes, name));
  JsonFields fields(json, name);
  BackupSummary summary;
  summary.id.text = fields.text("id");
  const std::string type = fields.text("type");
  summary.type = type == "incremental" ? BackupType::kIncremental : BackupType::kFull;
  summary.label = fields.text("label");
  const std::string system_identifier = fields.text("system_identifier");
  std::from_chars(system_identifier.data(), system_identifier.data() + system_identifier.size(),
                  summary.system_identifier.value);
  summary.server_version_num = static_cast<int>(fields.number("server_version_num", 10'000'000));
  summary.wal_segment_bytes = static_cast<uint32_t>(fields.number("wal_segment_bytes", 1u << 30));
  summary.started_at = fields.time("started_at");
  summary.stopped_at = fields.time("stopped_at");
  // Backups of before it was written are of primaries.
  if (fields.has("from_standby")) summary.from_standby = fields.boolean("from_standby");
  summary.timeline.value = static_cast<uint32_t>(fields.number("timeline", UINT32_MAX));
  summary.start_lsn = fields.lsn("start_lsn");
  summary.stop_lsn = fields.lsn("stop_lsn");
  summary.files = fields.number("files");
  summary.bytes_raw = fields.number("bytes_raw");
  summary.bytes_read = fields.number("bytes_read");
  summary.bytes_stored = fields.number("bytes_stored");
  summary.duration_s = fields.real("duration_s");
  summary.bad_pages = fields.number("bad_pages");
  // Those of before had neither.
  if (fields.has("bytes_reread")) summary.bytes_reread = fields.number("bytes_reread");
  if (fields.has("unexplained_pages")) {
    summary.unexplained_pages = fields.number("unexplained_pages");
  }
  TRY(fields.done());
  if (!json.contains("packs") || !json["packs"].is_array()) {
    return make_error(ErrorKind::kCorrupt, fmt::format("{}: \"packs\" is not a list", name));
  }
  for (const Json& pack : json["packs"]) {
    if (!pack.is_string()) {
      return make_error(ErrorKind::kCorrupt,
                        fmt::format("{}: a pack's name is not a string", name));
    }
    summary.packs.push_back(pack.get<std::string>());
  }
  if (json.contains("pack_bytes")) {
    const Json& sizes = json["pack_bytes"];
    const bool is_right = sizes.is_array() && sizes.size() == summary.packs.size() &&
                          std::ranges::all_of(sizes, &Json::is_number_unsigned);
    if (!is_right) {
      return make_error(ErrorKind::kCorrupt,
                        fmt::format("{}: \"pack_bytes\" is not the size of each pack", name));
    }
    summary.pack_bytes = sizes.get<std::vector<uint64_t>>();
  }
  if (summary.wal_segment_bytes < (1u << 20) || !summary.start_lsn ||
      summary.stop_lsn < summary.start_lsn) {
    return make_error(ErrorKind::kCorrupt,
                      fmt::format("{}: its numbers cannot be a backup's", name));
  }
  return summary;
}

SummaryObject make_summary_object(const BackupSummary& summary) {
  constexpr std::string_view kEnd = "\n}\n";
  SummaryObject object;
  object.text = encode_summary(summary);
  CHECK(object.text.ends_with(kEnd));
  object.text.replace(object.text.size() - kEnd.size(), kEnd.size(), ",\n");
  object.sha256 = codec::sha256(as_bytes(object.text));
  object.text += closing(object.sha256);
  return object;
}

Result<BackupSummary> read_summary_object(ByteView bytes, std::string_view name) {
  static const size_t closing_bytes = closing({}).size();
  const size_t covered = bytes.size() - std::min(bytes.size(), closing_bytes);
  const codec::Sha256 sha256 = codec::sha256(bytes.first(covered));
  if (as_text(bytes.subspan(covered)) != closing(sha256)) {
    return make_error(
        ErrorKind::kCorrupt,
        fmt::format("{} is damaged: its bytes are not those it was written with", name),
        "restore this object from another copy of the repository");
  }
  BackupSummary summary = TRY(decode_summary(bytes, name));
  summary.sha256 = sha256;
  return summary;
}

}  // namespace walkback::catalog
