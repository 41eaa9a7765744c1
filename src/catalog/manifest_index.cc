#include "catalog/manifest_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "codec/frame.h"

namespace walkback::catalog {

namespace {

constexpr size_t kChunkBytes = 1 << 20;

uint64_t hash_of(Place place, std::string_view name) {
  return codec::hash_frame(as_bytes(name)) + (place == Place::kConfiguration ? 1 : 0);
}

// In memory only, so as the machine has it.
template <typename T>
void put(Bytes& out, const T& value) {
  const auto* raw = reinterpret_cast<const std::byte*>(&value);
  out.insert(out.end(), raw, raw + sizeof value);
}
void put_bytes(Bytes& out, ByteView bytes) {
  put(out, static_cast<uint32_t>(bytes.size()));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

class Decoder {
 public:
  explicit Decoder(const std::byte* at) : at_(at) {}
  template <typename T>
  T get() {
    T value;
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  ByteView bytes() {
    const auto size = get<uint32_t>();
    const ByteView view(at_, size);
    at_ += size;
    return view;
  }

 private:
  const std::byte* at_;
};

}  // namespace

Result<ManifestIndex> ManifestIndex::load(store::ObjectStore& objects, const LineageLayout& layout,
                                          const BackupSummary& summary) {
  ManifestIndex index;
  index.reader_ = TRY(open_manifest(objects, layout, summary.id));
  bool concluded = false;
  while (std::optional<ManifestRecordEntry> entry = TRY(index.reader_->next_record())) {
    if (const auto* record = std::get_if<ManifestRecord>(&*entry)) index.add(*record);
    if (auto* conclusion = std::get_if<ManifestConclusion>(&*entry)) {
      index.conclusion_ = std::move(*conclusion);
      concluded = true;
    }
  }
  if (!concluded || index.conclusion_.summary_sha256 != summary.sha256) {
    return make_error(
        ErrorKind::kCorrupt,
        fmt::format("{} is not the manifest that {} was written with",
                    layout.manifest(summary.id).text(), layout.summary(summary.id).text()));
  }
  std::ranges::sort(index.slots_, {}, &Slot::hash);
  index.marked_.resize(index.slots_.size());
  return index;
}

void ManifestIndex::add(const ManifestRecord& record) {
  Bytes out;
  put_bytes(out, as_bytes(record.name));
  put(out, record.place);
  put(out, record.mode);
  put(out, record.modified);
  put(out, record.file_bytes);
  put_bytes(out, {reinterpret_cast<const std::byte*>(record.bad_blocks.data()),
                  record.bad_blocks.size() * sizeof(uint32_t)});
  const auto* place = std::get_if<ManifestRecord::MapPlace>(&record.map);
  put(out, place != nullptr);
  if (place != nullptr) {
    put(out, *place);
  } else {
    put_bytes(out, std::get<Bytes>(record.map));
  }
  if (records_.empty() || records_.back()->size() + out.size() > records_.back()->capacity()) {
    records_.push_back(std::make_unique<Bytes>());
    records_.back()->reserve(std::max(kChunkBytes, out.size()));
  }
  Bytes& chunk = *records_.back();
  slots_.push_back(
      {hash_of(record.place, record.name), uint64_t{records_.size() - 1} << 32 | chunk.size()});
  chunk.insert(chunk.end(), out.begin(), out.end());
}

ManifestRecord ManifestIndex::record_at(uint64_t at) const {
  Decoder decoder(records_[at >> 32]->data() + static_cast<uint32_t>(at));
  ManifestRecord record;
  record.name = as_text(decoder.bytes());
  record.place = decoder.get<Place>();
  record.mode = decoder.get<uint32_t>();
  record.modified = decoder.get<Timestamp>();
  record.file_bytes = decoder.get<uint64_t>();
  const ByteView bad = decoder.bytes();
  record.bad_blocks.resize(bad.size() / sizeof(uint32_t));
  if (!bad.empty()) std::memcpy(record.bad_blocks.data(), bad.data(), bad.size());
  if (decoder.get<bool>()) {
    record.map = decoder.get<ManifestRecord::MapPlace>();
  } else {
    record.map = to_bytes(decoder.bytes());
  }
  return record;
}

std::optional<size_t> ManifestIndex::slot_of(Place place, std::string_view name) const {
  const uint64_t hash = hash_of(place, name);
  for (auto slot = std::ranges::lower_bound(slots_, hash, {}, &Slot::hash);
       slot != slots_.end() && slot->hash == hash; ++slot) {
    const ManifestRecord record = record_at(slot->at);
    if (record.place == place && record.name == name) {
      return static_cast<size_t>(slot - slots_.begin());
    }
  }
  return std::nullopt;
}

std::optional<ManifestRecord> ManifestIndex::find(Place place, std::string_view name) const {
  const std::optional<size_t> slot = slot_of(place, name);
  if (!slot) return std::nullopt;
  return record_at(slots_[*slot].at);
}

Result<repo::PageMap> ManifestIndex::map_of(const ManifestRecord& record) const {
  return reader_->map_of(record);
}

void ManifestIndex::mark(Place place, std::string_view name) {
  if (const std::optional<size_t> slot = slot_of(place, name)) marked_[*slot] = true;
}

Result<void> ManifestIndex::for_each_unmarked(
    const std::function<Result<void>(const ManifestRecord&)>& visit) const {
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (!marked_[i]) TRY(visit(record_at(slots_[i].at)));
  }
  return success();
}

}  // namespace walkback::catalog
