#include "catalog/sealed_message.h"

#include <memory>

namespace walkback::catalog {

Result<store::PutOutcome> put_sealed(store::ObjectStore& objects, const store::ObjectKey& key,
                                     repo::SealedKind kind, uint16_t version, int compression_level,
                                     std::string_view payload) {
  std::unique_ptr<repo::SealedWriter> sealed =
      TRY(repo::create_sealed(objects, key, kind, version, compression_level));
  TRY(sealed->append(as_bytes(payload)));
  return sealed->finish();
}

Result<Bytes> get_sealed(store::ObjectStore& objects, const store::ObjectKey& key,
                         repo::SealedKind kind, uint16_t newest, size_t at_most) {
  return TRY(get_sealed_message(objects, key, kind, newest, at_most)).payload;
}

Result<SealedMessage> get_sealed_message(store::ObjectStore& objects, const store::ObjectKey& key,
                                         repo::SealedKind kind, uint16_t newest, size_t at_most) {
  std::unique_ptr<repo::SealedReader> sealed = TRY(repo::open_sealed(objects, key, kind, newest));
  Bytes payload;
  for (bool more = true; more;) {
    constexpr size_t kPiece = 256 << 10;
    const size_t before = payload.size();
    if (before > at_most) {
      return make_error(ErrorKind::kCorrupt, key.text() + " is damaged: it is too large",
                        "restore this object from another copy of the repository");
    }
    payload.resize(before + kPiece);
    const size_t got = TRY(sealed->read(MutableBytes(payload).subspan(before)));
    payload.resize(before + got);
    more = got == kPiece;
  }
  return SealedMessage{std::move(payload), sealed->seal()};
}

}  // namespace walkback::catalog
