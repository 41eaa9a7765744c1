// A host, its files, a repository in memory and an owner, for tests of keys.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "base/testing/manual_clock.h"
#include "base/testing/seeded_random.h"
#include "base/time_text.h"
#include "keys/key_env.h"
#include "keys/key_folder.h"
#include "store/memory_store.h"

namespace walkback::keys {

// A gpg with one key, "FPR", that "encrypts" by putting a word in front.
class FakeGpg final : public OpenPgp {
 public:
  Result<OpenPgpKey> find(std::string_view name) override {
    if (name == "ada@example.org") return OpenPgpKey{fingerprint, "Ada <ada@example.org>"};
    return make_error(ErrorKind::kMissing, "gpg has no public key " + std::string(name));
  }
  Result<std::string> encrypt(const OpenPgpKey& key, std::string_view plain) override {
    return "for " + key.fingerprint + "\n" + std::string(plain);
  }
  Result<crypto::SecretText> decrypt(ByteView message, std::string_view) override {
    ++asked;
    if (failure) return *failure;
    std::string text(as_text(message));
    return crypto::SecretText(text.substr(text.find('\n') + 1));
  }

  std::string fingerprint = std::string(40, 'F');
  std::optional<Error> failure;
  int asked = 0;
};

class KeyWorld : public ::testing::Test {
 protected:
  KeyWorld() {
    std::string name = "/tmp/walkback-keys-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    clock_.jump_to(parse_iso_utc("2026-11-22T15:46:59Z").value());
    options_.user_id = geteuid();
  }
  ~KeyWorld() override { std::filesystem::remove_all(directory_); }

  std::string path(const std::string& name) const { return directory_ + "/" + name; }
  std::string read(const std::string& file) const {
    std::stringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
  }
  void write(const std::string& file, std::string_view text, mode_t mode = 0600) const {
    std::ofstream(file) << text;
    std::filesystem::permissions(file, static_cast<std::filesystem::perms>(mode));
  }
  crypto::Identity identity() { return crypto::Identity::generate(random_); }
  // A file with these private keys, as age-keygen would leave it.
  std::string write_identities(const std::string& name,
                               const std::vector<crypto::Identity>& identities) const {
    std::string text = "# a comment\n";
    for (const auto& identity : identities) text += std::string(identity.text().view()) + "\n";
    write(path(name), text);
    return path(name);
  }
  KeyEnv env() { return {system_files(), *store_, gpg_, clock_, random_, options_}; }
  KeyFolder folder() { return read_key_folder(*store_).value(); }
  void put(const std::string& key, std::string_view bytes) {
    EXPECT_TRUE(store_->put(store::ObjectKey(key), as_bytes(bytes)).ok());
  }
  std::vector<std::string> objects() {
    std::vector<std::string> names;
    EXPECT_TRUE(store_
                    ->list("", "",
                           [&](const store::ObjectInfo& info) {
                             names.push_back(info.key.text());
                             return true;
                           })
                    .ok());
    return names;
  }

  std::string directory_;
  std::unique_ptr<store::ObjectStore> store_ = store::make_memory_store();
  ManualClock clock_;
  SeededRandom random_{7};
  FakeGpg gpg_;
  Options options_;
};

}  // namespace walkback::keys
