// libFuzzer: any bytes as a key's record and as its retirement, each under its own name. What is
// accepted is the same after being written again.
#include "base/check.h"
#include "keys/key_folder.h"

namespace {

using namespace walkback;

// The id that the bytes would need, so that more than the first check is reached.
std::string wanted_id(std::string_view text) {
  const size_t start = text.find("age1");
  return std::string(start == std::string_view::npos ? "" : text.substr(start, 20));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  const ByteView bytes(reinterpret_cast<const std::byte*>(data), size);
  const std::string id = wanted_id(as_text(bytes));
  if (const auto record = keys::decode_key_record(bytes, id); record.ok()) {
    CHECK(keys::check_label(record->label).ok());
    const std::string text = keys::encode_key_record(*record);
    CHECK(keys::encode_key_record(keys::decode_key_record(as_bytes(text), id).value()) == text);
  }
  if (const auto retirement = keys::decode_retirement(bytes, id); retirement.ok()) {
    CHECK(id.size() == 20);
  }
  return 0;
}
