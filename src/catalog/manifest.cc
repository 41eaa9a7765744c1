#include "catalog/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

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
constexpr uint32_t kMapPackBytes = 8 << 20;
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
    proto::Entry entry;
    proto::File& out = *entry.mutable_file();
    out.set_name(file.name);
    out.set_place(file.place == Place::kConfiguration ? proto::CONFIGURATION
                                                      : proto::DATA_DIRECTORY);
    out.set_mode(file.mode);
    out.set_modified_unix_us(file.modified.unix_us);
    out.set_size(file.map.file_bytes);
    for (uint32_t block : file.bad_blocks) out.add_bad_blocks(block);
    if (file.map.file_bytes > 0) TRY(add_map(file.map, out));
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
    for (const repo::PackFinisher::Stored& pack : TRY(finisher_.wait())) {
      stored.bytes += pack.size;
      stored.packs.push_back(pack.id);
    }
    maps_finished_ = true;
    return stored;
  }

  Result<uint64_t> commit(const ManifestConclusion& conclusion) override {
    CHECK(maps_finished_);
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
    TRY(append(entry));
    if (TRY(sealed_->finish()) == store::PutOutcome::kAlreadyExists) {
      return make_error(ErrorKind::kConflict, key_.text() + " exists already");
    }
    const std::optional<store::ObjectInfo> info = TRY(objects_.info(key_));
    return info ? info->size : 0;
  }

 private:
  Result<void> add_map(const repo::PageMap& map, proto::File& out) {
    const Bytes bytes = repo::encode_page_map(map);
    if (bytes.size() <= kLargestInlineMap) {
      out.set_map(bytes.data(), bytes.size());
      return success();
    }
    const repo::FrameLocation location = TRY(maps_.append(encoder_.encode(bytes)));
    const codec::ContentHash hash = codec::hash_content(bytes);
    proto::MapFrame& frame = *out.mutable_map_frame();
    frame.set_pack(location.pack.bytes.data(), location.pack.bytes.size());
    frame.set_offset(location.offset);
    frame.set_length(location.length);
    frame.set_content_bytes(static_cast<uint32_t>(bytes.size()));
    frame.set_hash(hash.bytes.data(), hash.bytes.size());
    return success();
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
    if (concluded_) return std::optional<ManifestEntry>();
    const Bytes message = TRY(read_message());
    proto::Entry entry;
    if (!entry.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
      return corrupt("an entry cannot be read");
    }
    switch (entry.kind_case()) {
      case proto::Entry::kFile:
        return std::optional<ManifestEntry>(TRY(read_file(entry.file())));
      case proto::Entry::kDirectory:
        TRY(check_name(entry.directory().name()));
        return std::optional<ManifestEntry>(
            ManifestDirectory{entry.directory().name(), entry.directory().mode()});
      case proto::Entry::kConclusion:
        concluded_ = true;
        return std::optional<ManifestEntry>(TRY(read_conclusion(entry.conclusion())));
      case proto::Entry::KIND_NOT_SET:
        break;
    }
    return corrupt("an entry is of no known kind");
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

  Result<ManifestFile> read_file(const proto::File& in) {
    TRY(check_name(in.name()));
    ManifestFile file;
    file.name = in.name();
    file.place = in.place() == proto::CONFIGURATION ? Place::kConfiguration : Place::kDataDirectory;
    file.mode = in.mode();
    file.modified = {in.modified_unix_us()};
    file.bad_blocks.assign(in.bad_blocks().begin(), in.bad_blocks().end());
    if (in.size() > 0) {
      const Bytes map =
          in.has_map_frame() ? TRY(fetch_map(in.map_frame())) : to_bytes(as_bytes(in.map()));
      file.map =
          TRY_CONTEXT(repo::decode_page_map(map), fmt::format("{}: {}", key_.text(), in.name()));
    }
    if (file.map.file_bytes != in.size()) {
      return corrupt(fmt::format("{}: its page map is of another size", in.name()));
    }
    return file;
  }

  Result<Bytes> fetch_map(const proto::MapFrame& in) {
    repo::FrameLocation location;
    codec::ContentHash hash;
    if (in.pack().size() != location.pack.bytes.size() || in.hash().size() != hash.bytes.size() ||
        in.content_bytes() > kLargestMap || in.length() > kLargestMap) {
      return corrupt("a page map's place makes no sense");
    }
    std::memcpy(location.pack.bytes.data(), in.pack().data(), in.pack().size());
    std::memcpy(hash.bytes.data(), in.hash().data(), in.hash().size());
    location.offset = in.offset();
    location.length = in.length();
    Bytes frame(location.length);
    TRY(maps_.read(location, frame));
    Bytes map(in.content_bytes());
    const std::string where = fmt::format("page map in {}", location.pack.text());
    TRY_CONTEXT(decoder_.decode(frame, map), where);
    if (codec::hash_content(map) != hash) {
      return make_error(ErrorKind::kCorrupt, where + ": its bytes were changed");
    }
    return map;
  }

  Result<ManifestConclusion> read_conclusion(const proto::Conclusion& in) const {
    ManifestConclusion conclusion;
    if (in.summary_sha256().size() != conclusion.summary_sha256.size()) {
      return corrupt("its conclusion names no summary");
    }
    std::ranges::copy(as_bytes(in.summary_sha256()), conclusion.summary_sha256.begin());
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
  codec::FrameDecoder decoder_;
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
