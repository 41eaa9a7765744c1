#include "catalog/wal_index.h"

#include <algorithm>

#include "catalog/wal_index.pb.h"
#include "repo/sealed.h"

namespace walkback::catalog {

namespace {

constexpr uint16_t kVersion = 1;
constexpr int kCompressionLevel = 3;
constexpr size_t kLargestIndex = 16 << 20;

Error damaged(const store::ObjectKey& key) {
  return make_error(ErrorKind::kCorrupt, key.text() + " is damaged: it is no WAL index",
                    "restore this object from another copy of the repository");
}

}  // namespace

Result<store::PutOutcome> put_wal_index(store::ObjectStore& objects, const store::ObjectKey& key,
                                        const WalIndex& index) {
  proto::WalIndex message;
  message.set_segment_sha256(index.segment_sha256.data(), index.segment_sha256.size());
  const std::string payload = message.SerializeAsString();
  std::unique_ptr<repo::SealedWriter> sealed = TRY(
      repo::create_sealed(objects, key, repo::SealedKind::kWalIndex, kVersion, kCompressionLevel));
  TRY(sealed->append(as_bytes(payload)));
  return sealed->finish();
}

Result<std::optional<WalIndex>> get_wal_index(store::ObjectStore& objects,
                                              const store::ObjectKey& key) {
  Result<std::unique_ptr<repo::SealedReader>> sealed =
      repo::open_sealed(objects, key, repo::SealedKind::kWalIndex, kVersion);
  if (!sealed.ok() && sealed.error().kind == ErrorKind::kMissing) return std::optional<WalIndex>();
  if (!sealed.ok()) return std::move(sealed).error();
  Bytes payload;
  for (bool more = true; more;) {
    constexpr size_t kPiece = 64 << 10;
    const size_t before = payload.size();
    if (before > kLargestIndex) return damaged(key);
    payload.resize(before + kPiece);
    const size_t got = TRY((*sealed)->read(MutableBytes(payload).subspan(before)));
    payload.resize(before + got);
    more = got == kPiece;
  }
  proto::WalIndex message;
  WalIndex index;
  if (!message.ParseFromArray(payload.data(), static_cast<int>(payload.size())) ||
      message.segment_sha256().size() != index.segment_sha256.size()) {
    return damaged(key);
  }
  std::ranges::copy(as_bytes(message.segment_sha256()), index.segment_sha256.begin());
  return std::optional<WalIndex>(index);
}

}  // namespace walkback::catalog
