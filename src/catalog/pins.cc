#include "catalog/pins.h"

#include <fmt/format.h>

#include "catalog/json.h"

namespace walkback::catalog {

namespace {

Result<std::vector<store::ObjectKey>> pin_keys(store::ObjectStore& objects,
                                               const std::string& prefix) {
  std::vector<store::ObjectKey> keys;
  TRY(objects.list(prefix, "", [&](const store::ObjectInfo& info) {
    const std::string& text = info.key.text();
    const std::string name = text.substr(text.rfind('/') + 1);
    if (name.starts_with("keep.") && name.ends_with(".json")) keys.push_back(info.key);
    return true;
  }));
  return keys;
}

bool is_longer(const Pin& pin, const Pin& other) {
  return other.until && (!pin.until || *pin.until > *other.until);
}

}  // namespace

Result<void> put_pin(store::ObjectStore& objects, const LineageLayout& layout, const BackupId& id,
                     const Pin& pin, Random& random) {
  const std::string folder = layout.backups_folder() + id.text + "/";
  const std::vector<store::ObjectKey> older = TRY(pin_keys(objects, folder));
  Json json;
  json["until"] = pin.until ? Json(to_iso_utc(*pin.until)) : Json();
  TRY(objects.put(store::ObjectKey(fmt::format("{}keep.{}.json", folder, random.hex(8))),
                  as_bytes(to_text(json))));
  return objects.remove_all(older);
}

Result<bool> remove_pin(store::ObjectStore& objects, const LineageLayout& layout,
                        const BackupId& id) {
  const std::vector<store::ObjectKey> keys =
      TRY(pin_keys(objects, layout.backups_folder() + id.text + "/"));
  TRY(objects.remove_all(keys));
  return !keys.empty();
}

Result<std::map<BackupId, Pin>> list_pins(store::ObjectStore& objects,
                                          const LineageLayout& layout) {
  std::map<BackupId, Pin> pins;
  const std::string folder = layout.backups_folder();
  for (const store::ObjectKey& key : TRY(pin_keys(objects, folder))) {
    const std::optional<Bytes> bytes = TRY(objects.get(key));
    if (!bytes) continue;
    const Json json = TRY(parse_json(*bytes, key.text()));
    JsonFields fields(json, key.text());
    Pin pin;
    if (fields.has("until")) pin.until = fields.time("until");
    TRY(fields.done());
    const std::string rest = key.text().substr(folder.size());
    const auto [there, is_new] = pins.try_emplace(BackupId{rest.substr(0, rest.find('/'))}, pin);
    if (!is_new && is_longer(pin, there->second)) there->second = pin;
  }
  return pins;
}

}  // namespace walkback::catalog
