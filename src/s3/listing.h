// Names in the bucket, page by page. Internal to s3.
#pragma once

#include <functional>

#include "s3/objects.h"
#include "s3/store.h"

namespace walkback::s3 {

// As ObjectStore::list(), list_folders() and S3Store::unfinished_uploads() promise. What is below
// the prefix but no name of ours (a person's notes, another program's marker) is passed over.
Result<void> list_objects(Objects& objects, std::string_view prefix, std::string_view after,
                          const store::ObjectStore::Visitor& visit);
Result<std::vector<std::string>> list_folders(Objects& objects, std::string_view folder);
Result<std::vector<UnfinishedUpload>> list_uploads(Objects& objects, Timestamp before);

}  // namespace walkback::s3
