// libFuzzer: any bytes as an age file, and as the payload behind a header that holds. A header is
// the same however much of the file was seen; what opens is opened alike in one go and in ranges.
#include <algorithm>

#include "base/check.h"
#include "base/random.h"
#include "crypto/decrypt.h"

namespace {

using namespace walkback;

constexpr uint64_t kLimit = 1 << 20;

class FixedRandom final : public Random {
 public:
  void fill(MutableBytes out) override { std::fill(out.begin(), out.end(), std::byte{0x42}); }
};

// The key of the age project's vectors, with which the corpus begins.
const crypto::Identity& identity() {
  static const crypto::Identity parsed =
      crypto::Identity::parse(
          "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0")
          .value();
  return parsed;
}

void read_header(ByteView file) {
  const Result<std::optional<crypto::Header>> whole = crypto::Header::parse(file);
  const auto half = crypto::Header::parse(file.first(file.size() / 2));
  if (!half.ok() || !half->has_value()) return;
  CHECK(whole.ok() && whole->has_value());
  CHECK((*whole)->payload_start() == (*half)->payload_start());
  CHECK((*whole)->payload_start() <= file.size() / 2);
}

void read_file(ByteView file) {
  const std::span<const crypto::Identity> identities(&identity(), 1);
  const Result<Bytes> plaintext = crypto::decrypt(file, identities, kLimit);
  if (!plaintext.ok()) return;
  const crypto::Header header = crypto::Header::parse(file).value().value();
  const auto layout = crypto::PayloadLayout::of(file.size(), header.payload_start()).value();
  CHECK(layout.plaintext_size() == plaintext->size());
  const uint64_t offset = plaintext->size() / 3;
  Bytes part(plaintext->size() / 2);
  const crypto::ChunkRange chunks = layout.chunks_of(offset, part.size()).value();
  crypto::Decryptor(header.unwrap(identities).value())
      .decrypt_range(layout, offset, file.subspan(chunks.file_offset, chunks.file_size), part)
      .value();
  CHECK(std::equal(part.begin(), part.end(), plaintext->begin() + static_cast<ptrdiff_t>(offset)));
}

Bytes behind_a_header(ByteView payload) {
  static const Bytes header = [] {
    FixedRandom random;
    return crypto::make_header(std::span(&identity().recipient(), 1), random).bytes;
  }();
  Bytes file = header;
  file.insert(file.end(), payload.begin(), payload.end());
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  const ByteView bytes(reinterpret_cast<const std::byte*>(data), size);
  read_header(bytes);
  read_file(bytes);
  read_file(behind_a_header(bytes));
  return 0;
}
