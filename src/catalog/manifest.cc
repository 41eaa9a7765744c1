#include "catalog/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "catalog/manifest.pb.h"
#include "codec/frame.h"
#include "repo/sealed.h"

namespace walkback::catalog {

namespace {

// Manifest.entry: field 1, length-delimited (Protocol Buffers, "Encoding", Message Structure).
constexpr char kEntryTag = 1 << 3 | 2;
// A map of one or two frames fits; larger ones would make a manifest of many big files slow to
// read.
constexpr size_t kLargestInlineMap = 512;
constexpr size_t kOpenMapPacks = 4;
// An Entry's largest field is pg_control or an inline map; names are at most a path long.
constexpr uint64_t kLargestEntry = 1 << 20;
// A map of a 1 GiB segment: 131072 page hashes and, after many increments, as many runs.
constexpr uint32_t kLargestMap = 64 << 20;

class Writer final : public ManifestWriter {
 public:
  Writer(store::ObjectStore& objects, Random& random, const LineageLayout& layout, int level,
         std::unique_ptr<repo::SealedWriter> sealed, store::ObjectKey key)
      : objects_(objects),
        key_(std::move(key)),
        sealed_(std::move(sealed)),
        encoder_(level),
        finisher_(1),
        maps_(objects, random, layout.map_prefix(), kMapPackBytes, finisher_) {}

  Result<void> add(const ManifestFile& file) override {
    ManifestRecord record{file.name,           file.place,      file.mode, file.modified,
                          file.map.file_bytes, file.bad_blocks, Bytes()};
    if (file.map.file_bytes > 0) record.map = TRY(put_map(file.map));
    return add(record);
  }

  Result<void> add(const ManifestRecord& record) override {
    proto::Entry entry;
    proto::File& out = *entry.mutable_file();
    out.set_name(record.name);
    out.set_place(record.place == Place::kConfiguration ? proto::CONFIGURATION
                                                        : proto::DATA_DIRECTORY);
    out.set_mode(record.mode);
    out.set_modified_unix_us(record.modified.unix_us);
    out.set_size(record.file_bytes);
    for (uint32_t block : record.bad_blocks) out.add_bad_blocks(block);
    if (const auto* map = std::get_if<Bytes>(&record.map)) {
      if (record.file_bytes > 0) out.set_map(map->data(), map->size());
    } else {
      const auto& place = std::get<ManifestRecord::MapPlace>(record.map);
      const repo::FrameLocation& location = place.location;
      map_packs_[location.pack] += location.length;
      proto::MapFrame& frame = *out.mutable_map_frame();
      frame.set_pack(location.pack.bytes.data(), location.pack.bytes.size());
      frame.set_offset(location.offset);
      frame.set_length(location.length);
      frame.set_content_bytes(place.content_bytes);
      frame.set_hash(place.hash.bytes.data(), place.hash.bytes.size());
    }
    return append(entry);
  }

  Result<void> add(const ManifestDirectory& directory) override {
    proto::Entry entry;
    entry.mutable_directory()->set_name(directory.name);
    entry.mutable_directory()->set_mode(directory.mode);
    return append(entry);
  }

  Result<MapsStored> finish_maps() override {
    TRY(maps_.close());
    MapsStored stored;
    for (const repo::PackFinisher::Stored& pack : TRY(finisher_.wait())) stored.bytes += pack.size;
    for (const auto& [id, live_bytes] : map_packs_) stored.packs.push_back({id, true, live_bytes});
    maps_finished_ = true;
    return stored;
  }

  Result<uint64_t> commit(const ManifestConclusion& conclusion) override {
    CHECK(maps_finished_);
    for (const ManifestPack& pack : conclusion.packs) TRY(append(pack));
    for (const auto& [id, live_bytes] : map_packs_) TRY(append({id, true, live_bytes}));
    proto::Entry entry;
    proto::Conclusion& out = *entry.mutable_conclusion();
    out.set_files(conclusion.files);
    out.set_bytes(conclusion.bytes);
    out.set_backup_label(conclusion.backup_label);
    out.set_pg_control(conclusion.pg_control.data(), conclusion.pg_control.size());
    for (const ManifestTablespace& tablespace : conclusion.tablespaces) {
      proto::Tablespace& one = *out.add_tablespaces();
      one.set_oid(tablespace.oid);
      one.set_location(tablespace.location);
    }
    out.set_block_bytes(conclusion.block_bytes);
    out.set_relation_segment_blocks(conclusion.relation_segment_blocks);
    out.set_data_checksums(conclusion.data_checksums);
    out.set_summary_sha256(conclusion.summary_sha256.data(), conclusion.summary_sha256.size());
    if (conclusion.names_sha256) {
      out.set_names_sha256(conclusion.names_sha256->data(), conclusion.names_sha256->size());
    }
    TRY(append(entry));
    if (TRY(sealed_->finish()) == store::PutOutcome::kAlreadyExists) {
      return make_error(ErrorKind::kConflict, key_.text() + " exists already");
    }
    const std::optional<store::ObjectInfo> info = TRY(objects_.info(key_));
    return info ? info->size : 0;
  }

 private:
  Result<decltype(ManifestRecord::map)> put_map(const repo::PageMap& map) {
    Bytes bytes = repo::encode_page_map(map);
    if (bytes.size() <= kLargestInlineMap) return decltype(ManifestRecord::map)(std::move(bytes));
    const repo::FrameLocation location = TRY(maps_.append(encoder_.encode(bytes)));
    return decltype(ManifestRecord::map)(ManifestRecord::MapPlace{
        location, static_cast<uint32_t>(bytes.size()), codec::hash_content(bytes)});
  }

  Result<void> append(const ManifestPack& pack) {
    proto::Entry entry;
    proto::Pack& out = *entry.mutable_pack();
    out.set_id(pack.id.bytes.data(), pack.id.bytes.size());
    out.set_maps(pack.maps);
    out.set_live_bytes(pack.live_bytes);
    if (pack.stored_hash) {
      out.set_stored_hash(pack.stored_hash->bytes.data(), pack.stored_hash->bytes.size());
    }
    return append(entry);
  }

  Result<void> append(const proto::Entry& entry) {
    // As Protocol Buffers write a Manifest, which is never in memory as a whole.
    std::string message(1, kEntryTag);
    uint64_t size = entry.ByteSizeLong();
    for (; size >= 0x80; size >>= 7) message.push_back(static_cast<char>(size | 0x80));
    message.push_back(static_cast<char>(size));
    entry.AppendToString(&message);
    return sealed_->append(as_bytes(message));
  }

  store::ObjectStore& objects_;
  const store::ObjectKey key_;
  std::unique_ptr<repo::SealedWriter> sealed_;
  codec::FrameEncoder encoder_;
  repo::PackFinisher finisher_;
  repo::PackWriter maps_;
  std::map<repo::PackId, uint64_t> map_packs_;  // and how many of their bytes are used
  bool maps_finished_ = false;
};

class Reader final : public ManifestReader {
 public:
  Reader(store::ObjectStore& objects, const LineageLayout& layout,
         std::unique_ptr<repo::SealedReader> sealed, store::ObjectKey key)
      : key_(std::move(key)),
        sealed_(std::move(sealed)),
        maps_(objects, layout.map_prefix(), kOpenMapPacks) {}

  Result<std::optional<ManifestEntry>> next() override {
    std::optional<ManifestRecordEntry> entry = TRY(next_record());
    if (!entry) return std::optional<ManifestEntry>();
    if (auto* directory = std::get_if<ManifestDirectory>(&*entry)) {
      return std::optional<ManifestEntry>(std::move(*directory));
    }
    if (auto* conclusion = std::get_if<ManifestConclusion>(&*entry)) {
      return std::optional<ManifestEntry>(std::move(*conclusion));
    }
    auto& record = std::get<ManifestRecord>(*entry);
    repo::PageMap map = TRY(map_of(record));
    return std::optional<ManifestEntry>(ManifestFile{std::move(record.name), record.place,
                                                     record.mode, record.modified, std::move(map),
                                                     std::move(record.bad_blocks)});
  }

  Result<std::optional<ManifestRecordEntry>> next_record() override {
    while (!concluded_) {
      const Bytes message = TRY(read_message());
      proto::Entry entry;
      if (!entry.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
        return corrupt("an entry cannot be read");
      }
      switch (entry.kind_case()) {
        case proto::Entry::kFile:
          return std::optional<ManifestRecordEntry>(TRY(read_file(entry.file())));
        case proto::Entry::kDirectory:
          TRY(check_name(entry.directory().name()));
          return std::optional<ManifestRecordEntry>(
              ManifestDirectory{entry.directory().name(), entry.directory().mode()});
        case proto::Entry::kPack:
          TRY(read_pack(entry.pack()));
          break;
        case proto::Entry::kConclusion:
          concluded_ = true;
          return std::optional<ManifestRecordEntry>(TRY(read_conclusion(entry.conclusion())));
        case proto::Entry::KIND_NOT_SET:
          return corrupt("an entry is of no known kind");
      }
    }
    return std::optional<ManifestRecordEntry>();
  }

  Result<repo::PageMap> map_of(const ManifestRecord& record) override {
    repo::PageMap map;
    if (record.file_bytes == 0) return map;
    const auto* place = std::get_if<ManifestRecord::MapPlace>(&record.map);
    const Bytes fetched = place != nullptr ? TRY(fetch_map(*place)) : Bytes();
    map =
        TRY_CONTEXT(repo::decode_page_map(place != nullptr ? fetched : std::get<Bytes>(record.map)),
                    fmt::format("{}: {}", key_.text(), record.name));
    if (map.file_bytes != record.file_bytes) {
      return corrupt(fmt::format("{}: its page map is of another size", record.name));
    }
    return map;
  }

 private:
  Error corrupt(std::string_view what) const {
    return make_error(ErrorKind::kCorrupt, fmt::format("{}: {}", key_.text(), what));
  }

  Result<Bytes> read_message() {
    std::byte tag{};
    if (TRY(sealed_->read({&tag, 1})) != 1) return corrupt("it ends without its conclusion");
    if (std::to_integer<char>(tag) != kEntryTag) return corrupt("what follows is no entry");
    uint64_t size = 0;
    for (int shift = 0;; shift += 7) {
      std::byte digit{};
      if (shift > 28 || TRY(sealed_->read({&digit, 1})) != 1) {
        return corrupt("it ends without its conclusion");
      }
      size |= (std::to_integer<uint64_t>(digit) & 0x7f) << shift;
      if ((digit & std::byte{0x80}) == std::byte{0}) break;
    }
    if (size > kLargestEntry) return corrupt("an entry is too large");
    Bytes message(size);
    if (TRY(sealed_->read(message)) != size) return corrupt("an entry is cut off");
    return message;
  }

  // Names become paths below the restore target: none may lead out of it.
  Result<void> check_name(const std::string& name) const {
    if (name.empty() || name.front() == '/' || name.find('\0') != std::string::npos) {
      return corrupt("a name is empty or absolute");
    }
    for (size_t start = 0; start <= name.size();) {
      const size_t end = std::min(name.find('/', start), name.size());
      const std::string_view part = std::string_view(name).substr(start, end - start);
      if (part.empty() || part == "." || part == "..") {
        return corrupt(fmt::format("the name '{}' leads elsewhere", name));
      }
      start = end + 1;
    }
    return success();
  }

  Result<ManifestRecord> read_file(const proto::File& in) const {
    TRY(check_name(in.name()));
    ManifestRecord record;
    record.name = in.name();
    record.place =
        in.place() == proto::CONFIGURATION ? Place::kConfiguration : Place::kDataDirectory;
    record.mode = in.mode();
    record.modified = {in.modified_unix_us()};
    record.file_bytes = in.size();
    record.bad_blocks.assign(in.bad_blocks().begin(), in.bad_blocks().end());
    if (in.has_map_frame()) {
      record.map = TRY(read_place(in.map_frame()));
    } else {
      record.map = to_bytes(as_bytes(in.map()));
    }
    return record;
  }

  Result<ManifestRecord::MapPlace> read_place(const proto::MapFrame& in) const {
    ManifestRecord::MapPlace place;
    if (in.hash().size() != place.hash.bytes.size() || in.content_bytes() > kLargestMap ||
        in.length() > kLargestMap) {
      return corrupt("a page map's place makes no sense");
    }
    place.location.pack = TRY(read_pack_id(in.pack()));
    std::memcpy(place.hash.bytes.data(), in.hash().data(), in.hash().size());
    place.location.offset = in.offset();
    place.location.length = in.length();
    place.content_bytes = in.content_bytes();
    return place;
  }

  Result<repo::PackId> read_pack_id(const std::string& bytes) const {
    repo::PackId id;
    if (bytes.size() != id.bytes.size()) return corrupt("a pack's name makes no sense");
    std::memcpy(id.bytes.data(), bytes.data(), bytes.size());
    return id;
  }

  Result<void> read_pack(const proto::Pack& in) {
    ManifestPack pack{TRY(read_pack_id(in.id())), in.maps(), in.live_bytes()};
    if (!in.stored_hash().empty()) {
      pack.stored_hash.emplace();
      if (in.stored_hash().size() != pack.stored_hash->bytes.size()) {
        return corrupt("a pack's hash makes no sense");
      }
      std::ranges::copy(as_bytes(in.stored_hash()), pack.stored_hash->bytes.begin());
    }
    packs_.push_back(pack);
    return success();
  }

  Result<Bytes> fetch_map(const ManifestRecord::MapPlace& place) {
    Bytes frame(place.location.length);
    TRY(maps_.read(place.location, frame));
    Bytes map(place.content_bytes);
    const std::string where = fmt::format("page map in {}", place.location.pack.text());
    // One for each thread that asks.
    codec::FrameDecoder decoder;
    TRY_CONTEXT(decoder.decode(frame, map), where);
    if (codec::hash_content(map) != place.hash) {
      return make_error(ErrorKind::kCorrupt, where + ": its bytes were changed");
    }
    return map;
  }

  Result<ManifestConclusion> read_conclusion(const proto::Conclusion& in) {
    ManifestConclusion conclusion;
    conclusion.packs = std::move(packs_);
    if (in.summary_sha256().size() != conclusion.summary_sha256.size()) {
      return corrupt("its conclusion names no summary");
    }
    std::ranges::copy(as_bytes(in.summary_sha256()), conclusion.summary_sha256.begin());
    if (!in.names_sha256().empty()) {
      conclusion.names_sha256.emplace();
      if (in.names_sha256().size() != conclusion.names_sha256->size()) {
        return corrupt("its conclusion has no hash of the names");
      }
      std::ranges::copy(as_bytes(in.names_sha256()), conclusion.names_sha256->begin());
    }
    conclusion.files = in.files();
    conclusion.bytes = in.bytes();
    conclusion.backup_label = in.backup_label();
    conclusion.pg_control = to_bytes(as_bytes(in.pg_control()));
    for (const proto::Tablespace& one : in.tablespaces()) {
      conclusion.tablespaces.push_back({one.oid(), one.location()});
    }
    conclusion.block_bytes = in.block_bytes();
    conclusion.relation_segment_blocks = in.relation_segment_blocks();
    conclusion.data_checksums = in.data_checksums();
    return conclusion;
  }

  const store::ObjectKey key_;
  std::unique_ptr<repo::SealedReader> sealed_;
  repo::PackReader maps_;
  std::vector<ManifestPack> packs_;
  bool concluded_ = false;
};

}  // namespace

Result<std::unique_ptr<ManifestWriter>> create_manifest(store::ObjectStore& objects, Random& random,
                                                        const LineageLayout& layout,
                                                        const BackupId& id, int compression_level) {
  store::ObjectKey key = layout.manifest(id);
  std::unique_ptr<repo::SealedWriter> sealed = TRY(repo::create_sealed(
      objects, key, repo::SealedKind::kManifest, kManifestVersion, compression_level));
  return std::unique_ptr<ManifestWriter>(std::make_unique<Writer>(
      objects, random, layout, compression_level, std::move(sealed), std::move(key)));
}

Result<std::unique_ptr<ManifestReader>> open_manifest(store::ObjectStore& objects,
                                                      const LineageLayout& layout,
                                                      const BackupId& id) {
  store::ObjectKey key = layout.manifest(id);
  std::unique_ptr<repo::SealedReader> sealed =
      TRY(repo::open_sealed(objects, key, repo::SealedKind::kManifest, kManifestVersion));
  return std::unique_ptr<ManifestReader>(
      std::make_unique<Reader>(objects, layout, std::move(sealed), std::move(key)));
}

Result<ManifestConclusion> read_conclusion(store::ObjectStore& objects, const LineageLayout& layout,
                                           const BackupSummary& summary) {
  std::unique_ptr<ManifestReader> reader = TRY(open_manifest(objects, layout, summary.id));
  while (std::optional<ManifestEntry> entry = TRY(reader->next())) {
    auto* conclusion = std::get_if<ManifestConclusion>(&*entry);
    if (!conclusion) continue;
    if (conclusion->summary_sha256 == summary.sha256) return std::move(*conclusion);
    return make_error(ErrorKind::kCorrupt,
                      fmt::format("{} is not the summary that the manifest beside it was written "
                                  "with",
                                  layout.summary(summary.id).text()),
                      "restore both objects from another copy of the repository");
  }
  return make_error(ErrorKind::kCorrupt, layout.manifest(summary.id).text() + " has no conclusion");
}

}  // namespace walkback::catalog
