// Repositories by what the configuration says: which kind of store, over which network, with which
// keys.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/random.h"
#include "cli/env.h"
#include "config/config.h"
#include "keys/local_keys.h"
#include "keys/open_pgp.h"
#include "net/server_clock.h"
#include "net/traffic.h"
#include "repo/encrypted_store.h"
#include "s3/store.h"
#include "store/object_store.h"

namespace walkback::app {

// Of the process's environment; empty when not set.
using Variables = std::function<std::string(std::string_view name)>;

// In which storage class a bucket's packs are put; "" says none.
std::string pack_storage_class(const config::Config& config);

// Owns what its stores stand on, and so outlives them. One thread opens; stores are thread-safe.
class Stores {
 public:
  // All but `files` may be those of a test. They outlive this. `warn` is told, on any thread, of a
  // place that does not answer where the other one does.
  Stores(FileSystem& files, Clock& clock, Random& random, keys::OpenPgp& gpg, Variables variables,
         uint32_t user_id, std::function<void(const Error&)> warn);
  ~Stores();

  // kUnsupported or kInvalid for a configuration that means no repository, naming its key. Makes no
  // request, but that kSetUp compares the bucket's region; what that gives reads what is plain.
  // Private keys that lie in the repository are looked for when an object needs one, and gpg is
  // asked only with kReadData.
  Result<std::unique_ptr<store::ObjectStore>> open(const config::Config& config, cli::Access access,
                                                   std::stop_token stop);
  // The same without encryption on top: for keys/.
  Result<std::unique_ptr<store::ObjectStore>> open_beneath(const config::Config& config,
                                                           cli::Access access,
                                                           std::stop_token stop);

  // What the server of a bucket can do, by trying; nothing for a directory.
  Result<std::vector<cli::StoreTrait>> probe(const config::Config& config, std::stop_token stop);

  // Of all that was opened; nothing went over a network when all of it is zero.
  net::Traffic traffic() const;
  // By how much the clock of the bucket that was asked last is ahead of ours; nothing when none
  // was.
  std::optional<std::chrono::seconds> store_ahead() const { return server_clock_.ahead(); }

 private:
  class Network;
  Result<std::unique_ptr<store::ObjectStore>> open_place(const config::Config& config,
                                                         const std::string& url, int timeout_s,
                                                         cli::Access access, std::stop_token stop);
  Result<std::unique_ptr<store::ObjectStore>> open_one_of_two(const config::Config& config,
                                                              const std::string& url, int timeout_s,
                                                              std::stop_token stop);
  Network& network_for(const config::Config& config);
  Result<std::unique_ptr<s3::S3Store>> open_s3(const config::Config& config, const std::string& url,
                                               int timeout_s, cli::Access access,
                                               std::stop_token stop);
  Result<std::unique_ptr<store::ObjectStore>> encrypted(std::unique_ptr<store::ObjectStore> beneath,
                                                        const config::Config& config,
                                                        cli::Access access);

  // `beneath` outlives what is returned.
  Result<repo::EncryptionKeys> keys_of(store::ObjectStore& beneath, const config::Config& config,
                                       cli::Access access);
  Result<keys::LocalKeys> local_keys(const keys::Options& options, cli::Access access);

  FileSystem& files_;
  Clock& clock_;
  Random& random_;
  keys::OpenPgp& gpg_;
  const Variables variables_;
  const uint32_t user_id_;
  const std::function<void(const Error&)> warn_;
  net::TrafficCounters counters_;
  net::ServerClock server_clock_;
  std::map<std::string, std::unique_ptr<Network>> networks_;  // by what they are made of
};

}  // namespace walkback::app
