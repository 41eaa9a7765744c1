#include "catalog/lineage.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/whole_number.h"
#include "catalog/json.h"
#include "catalog/unreadable.h"

namespace walkback::catalog {

namespace {

const char* encryption_of(const store::ObjectStore& objects) {
  return objects.encrypted() ? "age" : "none";
}

std::string encode(const Lineage& lineage, const store::ObjectStore& objects) {
  Json json;
  // A string: JSON readers that keep numbers as doubles would round 64 bits.
  json["system_identifier"] = fmt::format("{}", lineage.system_identifier.value);
  json["postgresql_major"] = lineage.major;
  json["wal_segment_bytes"] = lineage.wal_segment_bytes;
  json["first_seen"] = to_iso_utc(lineage.first_seen);
  json["encryption"] = encryption_of(objects);
  return to_text(json);
}

// The repository's own (walkback.json), said again where wal-push looks anyway: a configuration
// that lost its "age" must not put one plain segment among the others.
Result<void> check_encryption(JsonFields& fields, const store::ObjectKey& key,
                              const store::ObjectStore& objects) {
  const std::string encryption = fields.has("encryption") ? fields.text("encryption") : "none";
  if (encryption == encryption_of(objects)) return success();
  if (encryption != "age" && encryption != "none") {
    return make_error(ErrorKind::kCorrupt,
                      fmt::format("{}: its encryption is \"{}\"", key.text(), encryption));
  }
  return make_error(
      ErrorKind::kInvalid,
      fmt::format("{} has encryption \"{}\", the configuration says \"{}\"", objects.description(),
                  encryption, encryption_of(objects)),
      "a repository keeps what it was made with: set repository.encryption to that, or use another "
      "repository.url");
}

Result<Lineage> decode(ByteView bytes, const store::ObjectKey& key,
                       pg::SystemIdentifier system_identifier, const store::ObjectStore& objects) {
  const Json json = TRY(parse_json(bytes, key.text()));
  JsonFields fields(json, key.text());
  Lineage lineage;
  lineage.system_identifier = system_identifier;
  const std::string own = fmt::format("{}", system_identifier.value);
  if (fields.has("system_identifier") && fields.text("system_identifier") != own) {
    return make_error(ErrorKind::kCorrupt, key.text() + " is another cluster's");
  }
  lineage.major = static_cast<int>(fields.number("postgresql_major", 1000));
  lineage.wal_segment_bytes = static_cast<uint32_t>(fields.number("wal_segment_bytes", 1u << 30));
  lineage.first_seen = fields.time("first_seen");
  TRY(check_encryption(fields, key, objects));
  TRY(fields.done());
  const bool power_of_two = (lineage.wal_segment_bytes & (lineage.wal_segment_bytes - 1)) == 0;
  if (lineage.wal_segment_bytes < (1u << 20) || !power_of_two) {
    return make_error(ErrorKind::kCorrupt,
                      fmt::format("{}: {} bytes cannot be the size of a WAL segment", key.text(),
                                  lineage.wal_segment_bytes));
  }
  return lineage;
}

Result<std::optional<Lineage>> find_lineage(store::ObjectStore& objects, const std::string& cluster,
                                            pg::SystemIdentifier system_identifier) {
  const store::ObjectKey key = LineageLayout(cluster, system_identifier).lineage();
  const std::optional<Bytes> bytes = TRY(objects.get(key));
  if (!bytes) return std::optional<Lineage>();
  return std::optional<Lineage>(TRY(decode(*bytes, key, system_identifier, objects)));
}

Result<bool> has_objects(store::ObjectStore& objects, const LineageLayout& layout) {
  bool found = false;
  for (const std::string& folder : {layout.backups_folder(), layout.wal_folder()}) {
    TRY(objects.list(folder, "", [&](const store::ObjectInfo&) {
      found = true;
      return false;
    }));
  }
  return found;
}

std::optional<pg::SystemIdentifier> parse_system_identifier(std::string_view text) {
  const auto value = whole_number<uint64_t>(text);
  return value ? std::optional(pg::SystemIdentifier{*value}) : std::nullopt;
}

}  // namespace

Result<void> register_lineage(store::ObjectStore& objects, const std::string& cluster,
                              const Lineage& lineage) {
  const store::ObjectKey key = LineageLayout(cluster, lineage.system_identifier).lineage();
  TRY(objects.put(key, as_bytes(encode(lineage, objects))));
  return success();
}

Result<Lineage> get_lineage(store::ObjectStore& objects, const std::string& cluster,
                            pg::SystemIdentifier system_identifier) {
  std::optional<Lineage> lineage = TRY(find_lineage(objects, cluster, system_identifier));
  if (lineage) return *lineage;
  return make_error(ErrorKind::kMissing,
                    fmt::format("cluster '{}' in {} does not know system identifier {}", cluster,
                                objects.description(), system_identifier.value),
                    "if this is a new cluster under that name (pg_upgrade, initdb), run `walkback "
                    "init` for it once; if not, "
                    "this file or directory belongs to another cluster");
}

Result<std::vector<Lineage>> list_lineages(store::ObjectStore& objects, const std::string& cluster,
                                           const OnLostLineage& lost) {
  std::vector<Lineage> lineages;
  for (const std::string& folder : TRY(objects.list_folders(cluster_folder(cluster)))) {
    const std::optional<pg::SystemIdentifier> id = parse_system_identifier(folder);
    if (!id) continue;
    const Result<std::optional<Lineage>> lineage = find_lineage(objects, cluster, *id);
    if (!lineage.ok()) {
      if (!lost || !is_unreadable(lineage.error())) return lineage.error();
      lost(*id, lineage.error());
      continue;
    }
    if (*lineage) lineages.push_back(**lineage);
    if (*lineage || !lost) continue;
    const LineageLayout layout(cluster, *id);
    if (TRY(has_objects(objects, layout))) {
      lost(*id, make_error(ErrorKind::kMissing, layout.lineage().text() + " is not there"));
    }
  }
  std::sort(lineages.begin(), lineages.end(), [](const Lineage& a, const Lineage& b) {
    return std::tie(a.first_seen, a.system_identifier) <
           std::tie(b.first_seen, b.system_identifier);
  });
  return lineages;
}

Result<Lineage> find_lineage(store::ObjectStore& objects, const std::string& cluster,
                             std::optional<pg::SystemIdentifier> wanted) {
  std::optional<Lineage> found;
  for (const Lineage& lineage : TRY(list_lineages(objects, cluster))) {
    if (!wanted || lineage.system_identifier == *wanted) found = lineage;
  }
  if (found) return *found;
  return make_error(ErrorKind::kMissing,
                    fmt::format("{} holds nothing of cluster '{}'", objects.description(), cluster),
                    "check --cluster and the repository's URL in the configuration");
}

}  // namespace walkback::catalog
