// The JSON of one key.
#include <algorithm>

#include "base/json.h"
#include "base/time_text.h"
#include "keys/key_folder.h"

namespace walkback::keys {
namespace {

constexpr size_t kIdSize = 20;
constexpr size_t kLongestLabel = 100;

Error damaged(std::string_view id, std::string_view what) {
  return make_error(ErrorKind::kCorrupt,
                    "the record of key " + std::string(id) + " is damaged: " + std::string(what));
}

// A field of one of our objects. Absent is an empty text; another type is a failure that done()
// tells.
class Fields {
 public:
  Fields(ByteView bytes, std::string_view id)
      : json_(Json::parse(as_text(bytes), nullptr, /*allow_exceptions=*/false)), id_(id) {
    if (!json_.is_object()) fail("no JSON object");
  }

  std::string text(const char* name) {
    if (!json_.is_object()) return {};
    const auto found = json_.find(name);
    if (found == json_.end() || found->is_null()) return {};
    if (!found->is_string()) return fail(name), std::string();
    return found->get<std::string>();
  }
  Timestamp time(const char* name) {
    const Result<Timestamp> time = parse_iso_utc(text(name));
    if (!time.ok()) return fail(name), Timestamp{};
    return *time;
  }
  void fail(std::string_view what) {
    if (wrong_.empty()) wrong_ = what;
  }
  Result<void> done() const {
    if (wrong_.empty()) return success();
    return damaged(id_, wrong_);
  }

 private:
  const Json json_;
  const std::string_view id_;
  std::string wrong_;
};

Result<crypto::Recipient> recipient_of(Fields& fields, std::string_view id) {
  const Result<crypto::Recipient> recipient = crypto::Recipient::parse(fields.text("recipient"));
  if (!recipient.ok()) return damaged(id, "recipient");
  if (key_id(*recipient) != id) return damaged(id, "it is another key's");
  return *recipient;
}

// OpenPGP fingerprints: 40 digits in version 4, 64 in version 5.
bool is_fingerprint(std::string_view text) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); };
  return (text.size() == 40 || text.size() == 64) &&
         std::all_of(text.begin(), text.end(), is_digit);
}

bool holds_private_key(std::string_view label) {
  std::string upper(label);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return upper.find("AGE-SECRET-KEY-") != std::string::npos ||
         upper.find("WALKBACK-SIGNING-KEY-") != std::string::npos;
}

bool is_utf8(std::string_view text) {
  try {
    (void)Json(text).dump();
    return true;
  } catch (const Json::type_error&) {
    return false;
  }
}

}  // namespace

std::string_view role_name(Role role) { return role == Role::kHost ? "host" : "owner"; }

std::string key_id(const crypto::Recipient& recipient) {
  return recipient.text().substr(0, kIdSize);
}

Result<void> check_label(std::string_view label) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (holds_private_key(label)) {
    return make_error(ErrorKind::kInvalid, "the label holds a private key; it would be public",
                      "replace a key that was shown");
  }
  if (label.size() > kLongestLabel || std::any_of(label.begin(), label.end(), is_control) ||
      !is_utf8(label)) {
    return make_error(ErrorKind::kInvalid, "this cannot be a key's label",
                      "up to 100 bytes of UTF-8 on one line, such as \"Ada, laptop\"");
  }
  return success();
}

std::string encode_key_record(const KeyRecord& record) {
  Json json;
  json["recipient"] = record.recipient.text();
  json["role"] = role_name(record.role);
  if (record.verify) json["verify"] = record.verify->text();
  json["label"] = record.label;
  json["added_at"] = to_iso_utc(record.added_at);
  if (!record.gpg.empty()) json["gpg"] = record.gpg;
  return to_text(json);
}

Result<KeyRecord> decode_key_record(ByteView bytes, std::string_view id) {
  Fields fields(bytes, id);
  TRY(fields.done());
  KeyRecord record{.recipient = TRY(recipient_of(fields, id))};
  const std::string role = fields.text("role");
  if (role != "owner" && role != "host") fields.fail("role");
  record.role = role == "host" ? Role::kHost : Role::kOwner;
  record.label = fields.text("label");
  if (!check_label(record.label).ok()) fields.fail("label");
  record.added_at = fields.time("added_at");
  record.gpg = fields.text("gpg");
  if (!record.gpg.empty() && !is_fingerprint(record.gpg)) fields.fail("gpg");
  if (const std::string verify = fields.text("verify"); !verify.empty()) {
    const Result<crypto::VerifyKey> key = crypto::VerifyKey::parse(verify);
    if (key.ok()) {
      record.verify = *key;
    } else {
      fields.fail("verify");
    }
  }
  TRY(fields.done());
  return record;
}

std::string encode_retirement(const crypto::Recipient& recipient, const Retirement& retirement) {
  Json json;
  json["recipient"] = recipient.text();
  json["retired_at"] = to_iso_utc(retirement.at);
  if (retirement.successor) json["successor"] = retirement.successor->text();
  return to_text(json);
}

Result<Retirement> decode_retirement(ByteView bytes, std::string_view id) {
  Fields fields(bytes, id);
  TRY(fields.done());
  TRY(recipient_of(fields, id));
  Retirement retirement;
  retirement.at = fields.time("retired_at");
  if (const std::string text = fields.text("successor"); !text.empty()) {
    const Result<crypto::Recipient> successor = crypto::Recipient::parse(text);
    if (successor.ok()) {
      retirement.successor = *successor;
    } else {
      fields.fail("successor");
    }
  }
  TRY(fields.done());
  return retirement;
}

}  // namespace walkback::keys
