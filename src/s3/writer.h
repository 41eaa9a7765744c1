// An object of unknown size on its way into the bucket. Internal to s3.
#pragma once

#include <memory>

#include "s3/objects.h"
#include "s3/upload_pool.h"

namespace walkback::s3 {

// Up to one part of it is kept and put whole by finish(); above that, parts leave in the background
// as they fill. `objects` and `pool` outlive the writer, which waits for its parts when it goes.
std::unique_ptr<store::ObjectWriter> make_writer(Objects& objects, UploadPool& pool,
                                                 store::ObjectKey key);

// How large part `number` (from 1) is: all are equal, as some servers want it, until half of the
// parts that an object may have are used up; then larger ones begin.
uint64_t part_bytes(const S3Options& options, int number);

}  // namespace walkback::s3
