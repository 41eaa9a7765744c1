// Every parser of a server's XML on the same hostile bytes.
#include <cstddef>
#include <cstdint>

#include "s3/errors.h"
#include "s3/xml.h"

using namespace walkback;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteView bytes(reinterpret_cast<const std::byte*>(data), size);
  (void)s3::parse_object_page(bytes);
  (void)s3::parse_upload_page(bytes);
  (void)s3::parse_upload_id(bytes);
  (void)s3::parse_completed_etag(bytes);
  (void)s3::parse_delete_failures(bytes);
  (void)s3::parse_location(bytes);
  (void)s3::parse_assumed_role(bytes);
  (void)s3::find_text(bytes, "Status");
  net::Response response{.status = 400, .body = to_bytes(bytes)};
  (void)s3::explain(s3::read_service_error(response), {});
  return 0;
}
