// Objects in an S3 bucket.
//
// What other stores need not have is here: finding and ending uploads that somebody left
// unfinished, and what check asks of a bucket (region.h, probe.h).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "s3/client.h"
#include "s3/options.h"
#include "store/object_store.h"

namespace walkback::s3 {

// Parts of an object that nobody finished: no list() shows them, but they are paid for.
struct UnfinishedUpload {
  std::string key;  // in the store, without the prefix; not always one of ours
  std::string upload_id;
  Timestamp initiated;
};

// Thread-safe, as every ObjectStore.
//
// An object up to one part is one conditional PUT. A larger one is uploaded in parts and completed;
// its completion is conditional only where the server knows how (AWS does since 2024): elsewhere
// two writers of one large name may both be told kCreated, though conditional_put().
// Each object carries a random x-amz-meta-walkback-write, so that a writer whose answer was lost
// can tell, when it asks again and hears that the object exists, whether it is its own.
class S3Store : public store::ObjectStore {
 public:
  // Under the prefix, begun before `before`, in the order of their keys.
  virtual Result<std::vector<UnfinishedUpload>> unfinished_uploads(Timestamp before) = 0;
  // Ends it and frees its parts. Gone already is success.
  virtual Result<void> abort_upload(const UnfinishedUpload& upload) = 0;
  // For region.h and probe.h.
  virtual Client& client() = 0;
};

// Makes no request. kInvalid for options that cannot be used.
Result<std::unique_ptr<S3Store>> open_s3_store(S3Options options, S3Environment environment);

}  // namespace walkback::s3
