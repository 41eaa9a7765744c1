#include "repo/encrypted_store.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include "codec/frame.h"
#include "crypto/decrypt.h"
#include "crypto/encrypt.h"

namespace walkback::repo {

namespace {

constexpr std::string_view kSuffix = ".age";
// A header for this many recipients is read with the first request; a longer one needs another.
constexpr size_t kLikelyRecipients = 8;
// Ciphertext handed on at a time, so that a writer's memory does not grow with what it is given.
constexpr size_t kPieceBytes = 4 * crypto::kChunkBytes;

// The private keys: those at hand, and what can be had beyond them when an object needs it.
class KeyRing {
 public:
  KeyRing(std::vector<crypto::Identity> at_hand,
          std::function<Result<FurtherIdentities>()> find_further)
      : at_hand_(std::move(at_hand)), find_further_(std::move(find_further)) {}

  // `use` with the keys at hand, and with the further ones where none of those was the right one.
  template <typename Use>
  auto with_identities(Use use) -> decltype(use(std::span<const crypto::Identity>())) {
    auto used = use(std::span<const crypto::Identity>(at_hand_));
    if (used.ok() || used.error().kind != ErrorKind::kDenied || !find_further_) return used;
    const Result<FurtherIdentities>& further = found();
    if (!further.ok()) return not_found(further.error());
    auto again = use(std::span<const crypto::Identity>(further->identities));
    const bool in_vain = !again.ok() && again.error().kind == ErrorKind::kDenied;
    if (in_vain && further->why_none) return *further->why_none;
    return again;
  }

 private:
  // That a key is missing must not read as if the object were.
  static Error not_found(Error error) {
    const bool passes = error.kind == ErrorKind::kTransient || error.kind == ErrorKind::kCancelled;
    if (!passes) error.kind = ErrorKind::kDenied;
    return error;
  }

  const Result<FurtherIdentities>& found() {
    std::call_once(looked_, [this] { further_.emplace(find_further_()); });
    return *further_;
  }

  const std::vector<crypto::Identity> at_hand_;
  const std::function<Result<FurtherIdentities>()> find_further_;
  std::once_flag looked_;
  std::optional<Result<FurtherIdentities>> further_;
};

// What went wrong with an object's encryption, in the user's terms. Errors of the store beneath are
// not for here: its "denied" is about permissions.
template <typename T>
Result<T> explained(Result<T> result, const store::ObjectKey& key) {
  if (result.ok()) return result;
  Error error = std::move(result).error();
  // Of looking for further keys.
  if (error.kind == ErrorKind::kTransient || error.kind == ErrorKind::kCancelled) return error;
  if (error.kind == ErrorKind::kDenied) {
    error = std::move(error).with_hint(
        "give the private key of one of the repository's recipients: encryption.identity_file in "
        "the configuration, or WALKBACK_ENCRYPTION_IDENTITY_FILE");
    return std::move(error).with_context(key.text());
  }
  error.hint = "restore this object from another copy of the repository";
  return std::move(error).with_context(key.text() + " is damaged");
}

class Writer final : public store::ObjectWriter {
 public:
  Writer(std::unique_ptr<store::ObjectWriter> beneath,
         std::span<const crypto::Recipient> recipients, Random& random)
      : beneath_(std::move(beneath)), encryptor_(recipients, random) {}

  Result<void> append(ByteView data) override {
    while (!data.empty()) {
      const size_t size = std::min(data.size(), kPieceBytes);
      TRY(store(encryptor_.append(data.first(size))));
      data = data.subspan(size);
    }
    return success();
  }
  Result<store::PutOutcome> finish() override {
    TRY(store(encryptor_.finish()));
    return beneath_->finish();
  }
  std::optional<std::array<std::byte, 16>> stored_hash() const override {
    return hash_.finish().bytes;
  }

 private:
  Result<void> store(ByteView sealed) {
    hash_.update(sealed);
    return beneath_->append(sealed);
  }

  std::unique_ptr<store::ObjectWriter> beneath_;
  crypto::Encryptor encryptor_;
  codec::ContentHashStream hash_;
};

// Ranges of plaintext from ranges of chunks.
class Reader final : public store::ObjectReader {
 public:
  static Result<std::unique_ptr<store::ObjectReader>> open(
      std::unique_ptr<store::ObjectReader> beneath, KeyRing& ring, const store::ObjectKey& key) {
    const crypto::Header header = TRY(read_header(*beneath, key));
    const crypto::PayloadKey payload_key = TRY(explained(
        ring.with_identities([&](auto identities) { return header.unwrap(identities); }), key));
    const crypto::PayloadLayout layout =
        TRY(explained(crypto::PayloadLayout::of(beneath->size(), header.payload_start()), key));
    std::unique_ptr<Reader> reader(new Reader(std::move(beneath), payload_key, layout, key));
    TRY(reader->prove_size());
    return std::unique_ptr<store::ObjectReader>(std::move(reader));
  }

  Result<void> read_at(uint64_t offset, MutableBytes out) override {
    const crypto::ChunkRange chunks = TRY(explained(layout_.chunks_of(offset, out.size()), key_));
    Bytes sealed(chunks.file_size);
    TRY(beneath_->read_at(chunks.file_offset, sealed));
    crypto::Decryptor decryptor(payload_key_);
    return explained(decryptor.decrypt_range(layout_, offset, sealed, out), key_);
  }
  uint64_t size() const override { return layout_.plaintext_size(); }

 private:
  Reader(std::unique_ptr<store::ObjectReader> beneath, const crypto::PayloadKey& payload_key,
         const crypto::PayloadLayout& layout, store::ObjectKey key)
      : beneath_(std::move(beneath)),
        payload_key_(payload_key),
        layout_(layout),
        key_(std::move(key)) {}

  static Result<crypto::Header> read_header(store::ObjectReader& beneath,
                                            const store::ObjectKey& key) {
    for (uint64_t size : {crypto::payload_start(kLikelyRecipients),
                          uint64_t{crypto::kMostHeaderBytes + crypto::kNonceBytes}}) {
      Bytes start(std::min(size, beneath.size()));
      TRY(beneath.read_at(0, start));
      std::optional<crypto::Header> header = TRY(explained(crypto::Header::parse(start), key));
      if (header) return *std::move(header);
    }
    return explained<crypto::Header>(make_error(ErrorKind::kCorrupt, "its age header does not end"),
                                     key);
  }

  // The last chunk opens only as the last: then the file was not cut, and its size is true.
  Result<void> prove_size() {
    const crypto::ChunkRange last = layout_.last_chunk();
    Bytes plain(layout_.chunk_size(last.first));
    Bytes sealed(last.file_size);
    TRY(beneath_->read_at(last.file_offset, sealed));
    crypto::Decryptor decryptor(payload_key_);
    return explained(decryptor.decrypt_chunk(last.first, true, sealed, plain), key_);
  }

  const std::unique_ptr<store::ObjectReader> beneath_;
  const crypto::PayloadKey payload_key_;
  const crypto::PayloadLayout layout_;
  const store::ObjectKey key_;
};

class EncryptedStore final : public store::ObjectStore {
 public:
  EncryptedStore(std::unique_ptr<store::ObjectStore> beneath, EncryptionKeys keys,
                 ProtectionOf protection, Random& random)
      : beneath_(std::move(beneath)),
        data_recipients_(keys.recipients),
        metadata_recipients_(std::move(keys.recipients)),
        ring_(std::move(keys.identities), std::move(keys.further_identities)),
        protection_(std::move(protection)),
        random_(random) {
    metadata_recipients_.insert(metadata_recipients_.end(), keys.hosts.begin(), keys.hosts.end());
  }

  Result<store::PutOutcome> put(const store::ObjectKey& key, ByteView data) override {
    if (is_plain(key)) return beneath_->put(key, data);
    return beneath_->put(stored_name(key), crypto::encrypt(data, recipients_of(key), random_));
  }

  Result<std::unique_ptr<store::ObjectWriter>> create(const store::ObjectKey& key) override {
    std::unique_ptr<store::ObjectWriter> writer = TRY(beneath_->create(stored_name(key)));
    if (is_plain(key)) return writer;
    return std::unique_ptr<store::ObjectWriter>(
        std::make_unique<Writer>(std::move(writer), recipients_of(key), random_));
  }

  Result<std::optional<Bytes>> get(const store::ObjectKey& key) override {
    std::optional<Bytes> stored = TRY(beneath_->get(stored_name(key)));
    if (!stored || is_plain(key)) return stored;
    return std::optional<Bytes>(TRY(explained(ring_.with_identities([&](auto identities) {
      return crypto::decrypt(*stored, identities, stored->size());
    }),
                                              key)));
  }

  Result<std::unique_ptr<store::ObjectReader>> open(const store::ObjectKey& key) override {
    std::unique_ptr<store::ObjectReader> reader = TRY(beneath_->open(stored_name(key)));
    if (is_plain(key)) return reader;
    return Reader::open(std::move(reader), ring_, key);
  }

  Result<std::optional<store::ObjectInfo>> info(const store::ObjectKey& key) override {
    std::optional<store::ObjectInfo> info = TRY(beneath_->info(stored_name(key)));
    if (info) info->key = key;
    return info;
  }

  Result<void> list(std::string_view prefix, std::string_view after,
                    const Visitor& visit) override {
    return beneath_->list(prefix, stored_text(after), [&](const store::ObjectInfo& info) {
      const std::optional<store::ObjectKey> key = plain_name(info.key);
      return !key || visit({*key, info.size});
    });
  }

  Result<std::vector<std::string>> list_folders(std::string_view folder) override {
    return beneath_->list_folders(folder);
  }

  Result<void> remove(const store::ObjectKey& key) override {
    return beneath_->remove(stored_name(key));
  }

  Result<void> remove_all(std::span<const store::ObjectKey> keys) override {
    std::vector<store::ObjectKey> names;
    names.reserve(keys.size());
    for (const store::ObjectKey& key : keys) names.push_back(stored_name(key));
    return beneath_->remove_all(names);
  }

  Result<store::CatchUp> catch_up(store::CatchUpExtent extent,
                                  std::chrono::nanoseconds deadline) override {
    return beneath_->catch_up(extent, deadline);
  }

  bool conditional_put() const override { return beneath_->conditional_put(); }
  bool encrypted() const override { return true; }
  store::ObjectKey stored_name(const store::ObjectKey& key) const override {
    return is_plain(key) ? key : store::ObjectKey(key.text() + std::string(kSuffix));
  }
  std::string description() const override { return beneath_->description(); }

 private:
  bool is_plain(const store::ObjectKey& key) const {
    return protection_(key) == Protection::kPlain;
  }

  std::span<const crypto::Recipient> recipients_of(const store::ObjectKey& key) const {
    CHECK(!data_recipients_.empty());
    return protection_(key) == Protection::kData ? data_recipients_ : metadata_recipients_;
  }

  // Where a listing goes on; it may be the beginning of a name, or none.
  std::string stored_text(std::string_view after) const {
    const Result<store::ObjectKey> key = store::ObjectKey::parse(after);
    return key.ok() ? stored_name(*key).text() : std::string(after);
  }

  // Nothing for an object that is no part of this repository: plain where it should not be, or the
  // other way round.
  std::optional<store::ObjectKey> plain_name(const store::ObjectKey& stored) const {
    const std::string& text = stored.text();
    if (!text.ends_with(kSuffix)) return is_plain(stored) ? std::optional(stored) : std::nullopt;
    const Result<store::ObjectKey> key =
        store::ObjectKey::parse(std::string_view(text).substr(0, text.size() - kSuffix.size()));
    return key.ok() && !is_plain(*key) ? std::optional(*key) : std::nullopt;
  }

  const std::unique_ptr<store::ObjectStore> beneath_;
  const std::vector<crypto::Recipient> data_recipients_;
  std::vector<crypto::Recipient> metadata_recipients_;
  KeyRing ring_;
  const ProtectionOf protection_;
  Random& random_;
};

}  // namespace

std::unique_ptr<store::ObjectStore> make_encrypted_store(
    std::unique_ptr<store::ObjectStore> beneath, EncryptionKeys keys, ProtectionOf protection,
    Random& random) {
  return std::make_unique<EncryptedStore>(std::move(beneath), std::move(keys),
                                          std::move(protection), random);
}

}  // namespace walkback::repo
