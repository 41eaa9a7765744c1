// The JSON of the key commands; json.cc has the rules.
#include "base/json.h"
#include "base/time_text.h"
#include "cli/key_text.h"

namespace walkback::cli {

namespace {

template <typename Key>
Json texts_of(const std::vector<Key>& keys) {
  Json list = Json::array();
  for (const Key& key : keys) list.push_back(key.text());
  return list;
}

Json json_of(const keys::KeyRecord& record, bool recorded = true) {
  const Json null = nullptr;
  return {{"id", keys::key_id(record.recipient)},
          {"role", keys::role_name(record.role)},
          {"recipient", record.recipient.text()},
          {"verify", record.verify ? Json(record.verify->text()) : null},
          {"label", record.label},
          {"added_at", recorded ? Json(to_iso_utc(record.added_at)) : null},
          {"retired_at", record.retired ? Json(to_iso_utc(record.retired->at)) : null},
          {"gpg", record.gpg.empty() ? null : Json(record.gpg)}};
}

Json json_of(const keys::ListedKey& key) {
  Json json = json_of(key.record, key.recorded);
  json["in_use"] = key.in_use;
  json["at_hand"] = key.at_hand;
  return json;
}

Json json_of(const keys::AddKeyReport& report) {
  return {{"key", json_of(report.key)},
          {"was_there", report.was_there},
          {"opens", texts_of(report.opens)},
          {"does_not_open", texts_of(report.does_not_open)},
          {"recipients", texts_of(report.recipients)}};
}

}  // namespace

std::string key_generate_json(const KeyGenerateReport& report) {
  const Json key = {{"recipient", report.recipient.text()},
                    {"file", report.file},
                    {"signers", texts_of(report.signers)}};
  return to_text({{"key", key}});
}

std::string key_list_json(const keys::KeyList& list) {
  Json keys = Json::array();
  for (const keys::ListedKey& key : list.keys) keys.push_back(json_of(key));
  Json json = {{"keys", keys}};
  json["passed_over"] = list.passed_over;
  return to_text(json);
}

std::string key_add_json(const keys::AddKeyReport& report) { return to_text(json_of(report)); }

std::string key_rotate_json(const keys::RotateKeyReport& report) {
  Json json = json_of(report.added);
  json["retired"] = report.retired.text();
  json["file"] = report.file.empty() ? Json(nullptr) : Json(report.file);
  return to_text(json);
}

std::string key_rotate_host_json(const keys::RotateHostKeyReport& report) {
  const Json null = nullptr;
  const Json host = {
      {"recipient", report.key.identity.recipient().text()},
      {"verify", report.key.signing_key.verify_key().text()},
      {"file", report.file},
      {"retired", report.retired ? Json(report.retired->text()) : null},
      {"retired_verify", report.old_signer ? Json(report.old_signer->text()) : null}};
  return to_text({{"host_key", host}});
}

}  // namespace walkback::cli
