#include "health/key_facts.h"

#include "keys/list_keys.h"

namespace walkback::health {

Result<KeyFacts> look_at_keys(const keys::KeyEnv& env) {
  const keys::KeyList list = TRY(keys::list_keys(env));
  KeyFacts facts;
  facts.has_host_key = false;
  for (const keys::ListedKey& key : list.keys) {
    if (!key.in_use) continue;
    if (key.record.role == keys::Role::kHost) {
      facts.has_host_key = true;
      facts.host_key_known = key.recorded && !key.record.retired;
      continue;
    }
    ++facts.recipients;
    const std::string name = key.record.recipient.text();
    if (!key.recorded) facts.unknown_recipients.push_back(name);
    if (key.record.retired) facts.retired_recipients.push_back(name);
  }
  return facts;
}

}  // namespace walkback::health
