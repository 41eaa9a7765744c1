// Does the bucket lie where the user says? Data must not leave its region by accident.
#pragma once

#include "s3/store.h"

namespace walkback::s3 {

struct RegionCheck {
  std::string configured;
  std::string actual;   // empty: the server does not tell
  bool matches = true;  // also when it does not tell, or tells something that is no region
};

// Asks the server (HeadBucket's x-amz-bucket-region, else GetBucketLocation). At AWS every mismatch
// counts. A server of one's own often answers "", "default" or a zone's name: there only a region
// in AWS's form ("eu-central-1") is compared, and only when the configured one has that form too.
Result<RegionCheck> ask_region(S3Store& store);

// ask_region(), with a mismatch as an error that names both.
Result<void> check_region(S3Store& store);

}  // namespace walkback::s3
