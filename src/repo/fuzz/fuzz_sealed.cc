// libFuzzer: any bytes as a sealed object, with a tail that holds so that the payload is reached.
#include "base/bytes.h"
#include "base/check.h"
#include "codec/frame.h"
#include "repo/sealed.h"
#include "store/memory_store.h"

namespace {

using namespace walkback;

// The end of memory for anything that believes what a header claims.
constexpr uint64_t kMostContent = 64 << 20;

Bytes with_tail(ByteView body) {
  Bytes object = to_bytes(body);
  const codec::Sha256 digest = codec::sha256(body);
  for (const int byte : {0x58, 0x2A, 0x4D, 0x18, 32, 0, 0, 0}) {
    object.push_back(static_cast<std::byte>(byte));
  }
  object.insert(object.end(), digest.begin(), digest.end());
  return object;
}

Bytes with_head(ByteView frames) {
  const Bytes head = {std::byte{0x57}, std::byte{0x2A}, std::byte{0x4D}, std::byte{0x18},
                      std::byte{8},    std::byte{0},    std::byte{0},    std::byte{0},
                      std::byte{'W'},  std::byte{'B'},  std::byte{'K'},  std::byte{'M'},
                      std::byte{1},    std::byte{0},    std::byte{0},    std::byte{0}};
  Bytes body = head;
  body.insert(body.end(), frames.begin(), frames.end());
  return body;
}

void read(ByteView object) {
  const std::unique_ptr<store::ObjectStore> objects = store::make_memory_store();
  const store::ObjectKey key("object");
  objects->put(key, object).value();
  auto reader = repo::open_sealed(*objects, key, repo::SealedKind::kManifest, 1);
  if (!reader.ok()) return;
  Bytes buffer(64 << 10);
  uint64_t total = 0;
  while (total < kMostContent) {
    const Result<size_t> size = (*reader)->read(buffer);
    if (!size.ok() || *size < buffer.size()) return;
    total += *size;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  if (size == 0) return 0;
  const ByteView bytes(reinterpret_cast<const std::byte*>(data), size);
  switch (data[0] % 3) {
    case 0:
      read(bytes.subspan(1));
      break;
    case 1:
      read(with_tail(bytes.subspan(1)));
      break;
    case 2:
      read(with_tail(with_head(bytes.subspan(1))));
      break;
  }
  return 0;
}
