#include "generated_store.h"

#include <algorithm>
#include <cstring>

#include "store/testing/forwarding_store.h"

namespace walkback {

namespace {

constexpr uint32_t kMagic = 0xA11CE5CA;
constexpr uint32_t kSlotBytes = 8192;  // of a pack, for each frame
constexpr uint32_t kFragmented = 16;

struct BulkPack {
  uint32_t segment = 0;
  uint32_t pack = 0;
};

// "…/packs/ca/ID.zst"
std::optional<BulkPack> parse_bulk_pack(const std::string& key) {
  constexpr std::string_view kFolder = "/packs/";
  constexpr size_t kIdDigits = 32;
  const size_t folder = key.find(kFolder);
  if (folder == std::string::npos) return std::nullopt;
  const std::string digits = key.substr(folder + kFolder.size() + 3, kIdDigits);
  for (uint32_t word[3] = {}; digits.size() == kIdDigits;) {
    auto* bytes = reinterpret_cast<unsigned char*>(word);
    for (size_t i = 0; i < sizeof word; ++i) {
      bytes[i] = static_cast<unsigned char>(std::stoi(digits.substr(2 * i, 2), nullptr, 16));
    }
    if (word[0] != kMagic) return std::nullopt;
    return BulkPack{word[1], word[2]};
  }
  return std::nullopt;
}

class PackReader final : public store::ObjectReader {
 public:
  PackReader(const FrameKinds& kinds, BulkPack pack) : kinds_(kinds), pack_(pack) {}

  Result<void> read_at(uint64_t offset, MutableBytes out) override {
    if (offset + out.size() > size()) return make_error(ErrorKind::kCorrupt, "beyond the pack");
    std::ranges::fill(out, std::byte{0});
    for (uint64_t slot = offset / kSlotBytes; slot * kSlotBytes < offset + out.size(); ++slot) {
      const auto frame = static_cast<uint32_t>(pack_.pack * kFramesInPack + slot);
      const Bytes& stored = kinds_.of(pack_.segment, frame).stored;
      const uint64_t begin = slot * kSlotBytes;
      const uint64_t from = std::max(begin, offset);
      const uint64_t to = std::min(begin + stored.size(), offset + out.size());
      if (from >= to) continue;
      std::memcpy(out.data() + (from - offset), stored.data() + (from - begin), to - from);
    }
    return success();
  }
  uint64_t size() const override { return uint64_t{kFramesInPack} * kSlotBytes; }

 private:
  const FrameKinds& kinds_;
  const BulkPack pack_;
};

class GeneratedStore final : public store::ForwardingStore {
 public:
  GeneratedStore(store::ObjectStore& beneath, const FrameKinds& kinds)
      : ForwardingStore(beneath), kinds_(kinds) {}

  Result<std::unique_ptr<store::ObjectReader>> open(const store::ObjectKey& key) override {
    const std::optional<BulkPack> pack = parse_bulk_pack(key.text());
    if (!pack) return ForwardingStore::open(key);
    return std::unique_ptr<store::ObjectReader>(std::make_unique<PackReader>(kinds_, *pack));
  }
  Result<std::optional<store::ObjectInfo>> info(const store::ObjectKey& key) override {
    const std::optional<BulkPack> pack = parse_bulk_pack(key.text());
    if (!pack) return ForwardingStore::info(key);
    return std::optional(store::ObjectInfo{key, PackReader(kinds_, *pack).size()});
  }

 private:
  const FrameKinds& kinds_;
};

}  // namespace

FrameKinds::FrameKinds() {
  codec::FrameEncoder encoder(3);
  Bytes content(size_t{kFrameBlocks} * kPageBytes);
  for (uint32_t i = 0; i < kKindsOfFrame; ++i) {
    // Segment 0's frame i is of kind i.
    static_assert(kKindsOfFrame <= kFramesOfSegment);
    Kind& kind = kinds_[i];
    for (uint32_t block = 0; block < kFrameBlocks; ++block) {
      const MutableBytes page =
          MutableBytes(content).subspan(size_t{block} * kPageBytes, kPageBytes);
      make_page(page_seed({true, 0}, i * kFrameBlocks + block, false), page);
      kind.page_hashes[block] = codec::hash_page(page);
    }
    kind.stored = to_bytes(encoder.encode(content));
    CHECK(kind.stored.size() <= kSlotBytes);
    kind.stored_hash = codec::hash_frame(kind.stored);
    kind.hash = codec::hash_content(content);
  }
}

repo::PackId bulk_pack(uint64_t segment, uint32_t pack) {
  repo::PackId id;
  const uint32_t words[] = {kMagic, static_cast<uint32_t>(segment), pack};
  std::memcpy(id.bytes.data(), words, sizeof words);
  return id;
}

repo::PageMap make_bulk_map(const FrameKinds& kinds, uint64_t number) {
  repo::PageMap map;
  map.file_bytes = kSegmentFileBytes;
  for (uint32_t i = 0; i < kFramesOfSegment; ++i) {
    const FrameKinds::Kind& kind = kinds.of(number, i);
    map.frames.push_back({{bulk_pack(number, i / kFramesInPack), i % kFramesInPack * kSlotBytes,
                           static_cast<uint32_t>(kind.stored.size())},
                          kFrameBlocks * kPageBytes,
                          kind.hash,
                          kind.stored_hash});
  }
  const uint32_t run_blocks = number % kFragmented == 0 ? 1 : kFrameBlocks;
  for (uint32_t block = 0; block < kSegmentBlocks; block += run_blocks) {
    map.runs.push_back(
        {block, run_blocks, block / kFrameBlocks % kFramesOfSegment, block % kFrameBlocks});
  }
  map.page_hashes.reserve(kSegmentBlocks);
  for (uint32_t block = 0; block < kSegmentBlocks; ++block) {
    const uint32_t frame = block / kFrameBlocks % kFramesOfSegment;
    map.page_hashes.push_back(kinds.of(number, frame).page_hashes[block % kFrameBlocks]);
  }
  return map;
}

std::unique_ptr<store::ObjectStore> make_generated_store(store::ObjectStore& beneath,
                                                         const FrameKinds& kinds) {
  return std::make_unique<GeneratedStore>(beneath, kinds);
}

}  // namespace walkback
