// A sealed object that is read and written as a whole.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "repo/sealed.h"
#include "store/object_store.h"

namespace walkback::catalog {

Result<store::PutOutcome> put_sealed(store::ObjectStore& objects, const store::ObjectKey& key,
                                     repo::SealedKind kind, uint16_t version, int compression_level,
                                     std::string_view payload);
// kMissing when it is not there; kCorrupt, also for a payload of more than `at_most` bytes.
Result<Bytes> get_sealed(store::ObjectStore& objects, const store::ObjectKey& key,
                         repo::SealedKind kind, uint16_t newest, size_t at_most);
struct SealedMessage {
  Bytes payload;
  codec::Sha256 seal{};  // what the object ends with
};
Result<SealedMessage> get_sealed_message(store::ObjectStore& objects, const store::ObjectKey& key,
                                         repo::SealedKind kind, uint16_t newest, size_t at_most);

}  // namespace walkback::catalog
