// What the key commands print.
#pragma once

#include <string>
#include <vector>

#include "crypto/signature.h"
#include "keys/list_keys.h"
#include "keys/rotate_key.h"

namespace walkback::cli {

struct KeyGenerateReport {
  crypto::Recipient recipient;
  std::string file;
  std::vector<crypto::VerifyKey> signers;
};

// Where the reader finds what to change.
struct KeyView {
  std::string config_path;
  std::vector<crypto::Recipient> configured;       // encryption.recipients as it is
  std::vector<crypto::VerifyKey> trusted_signers;  // encryption.trusted_signers as it is
};

std::string key_list_text(const keys::KeyList& list);
std::string key_add_text(const keys::AddKeyReport& report, const KeyView& view);
std::string key_rotate_text(const keys::RotateKeyReport& report, const KeyView& view);
std::string key_rotate_host_text(const keys::RotateHostKeyReport& report, const KeyView& view);

std::string key_generate_json(const KeyGenerateReport& report);
std::string key_list_json(const keys::KeyList& list);
std::string key_add_json(const keys::AddKeyReport& report);
std::string key_rotate_json(const keys::RotateKeyReport& report);
std::string key_rotate_host_json(const keys::RotateHostKeyReport& report);

}  // namespace walkback::cli
