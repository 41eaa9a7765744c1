// Manifests: every file of a backup and where its pages lie. Putting one makes the backup exist.
//
// Written and read in pieces: memory does not grow with the number of files.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "catalog/backup_summary.h"
#include "catalog/layout.h"
#include "codec/frame.h"
#include "repo/page_map.h"
#include "store/object_store.h"

namespace walkback::catalog {

inline constexpr uint16_t kManifestVersion = 1;

enum class Place {
  kDataDirectory,
  kConfiguration,  // of a cluster that keeps its configuration outside, as Debian does
};

struct ManifestFile {
  std::string name;  // relative to its place
  Place place = Place::kDataDirectory;
  uint32_t mode = 0;
  Timestamp modified;
  repo::PageMap map;  // its file_bytes is the file's size
  std::vector<uint32_t> bad_blocks;
};

// A file as it stands in a manifest, its page map not fetched: of it an incremental backup takes
// over what did not change.
struct ManifestRecord {
  std::string name;
  Place place = Place::kDataDirectory;
  uint32_t mode = 0;
  Timestamp modified;
  uint64_t file_bytes = 0;
  std::vector<uint32_t> bad_blocks;
  // The page map itself; or where it lies, below maps/.
  struct MapPlace {
    repo::FrameLocation location;
    uint32_t content_bytes = 0;
    codec::ContentHash hash;
  };
  std::variant<Bytes, MapPlace> map;
};

struct ManifestDirectory {
  std::string name;
  uint32_t mode = 0;
};

struct ManifestTablespace {
  pg::Oid oid = 0;
  std::string location;
};

// About what a pack of page maps holds.
inline constexpr uint32_t kMapPackBytes = 8 << 20;

// A pack that the backup needs.
struct ManifestPack {
  repo::PackId id;
  bool maps = false;        // of page maps; else of pages
  uint64_t live_bytes = 0;  // stored bytes of the frames that this backup uses
  // Of the object as it lies in the store, where that is encrypted and of pages.
  std::optional<codec::ContentHash> stored_hash = {};
};

struct ManifestConclusion {
  uint64_t files = 0;
  uint64_t bytes = 0;
  std::string backup_label;
  Bytes pg_control;
  std::vector<ManifestTablespace> tablespaces;
  uint32_t block_bytes = 8192;
  uint32_t relation_segment_blocks = 131072;
  bool data_checksums = false;
  codec::Sha256 summary_sha256{};  // SummaryObject::sha256
  // NamesWriter::finish(); nothing where no names were saved, and of older programs.
  std::optional<codec::Sha256> names_sha256;
  std::vector<ManifestPack> packs;  // that frames of this backup lie in, and page maps
};

using ManifestEntry = std::variant<ManifestFile, ManifestDirectory, ManifestConclusion>;
using ManifestRecordEntry = std::variant<ManifestRecord, ManifestDirectory, ManifestConclusion>;

// One thread at a time. Page maps above a few hundred bytes go into packs of their own below maps/,
// small ones into the manifest.
class ManifestWriter {
 public:
  virtual ~ManifestWriter() = default;
  virtual Result<void> add(const ManifestFile& file) = 0;
  // One of an earlier manifest of this lineage, whose map is used as it is.
  virtual Result<void> add(const ManifestRecord& file) = 0;
  virtual Result<void> add(const ManifestDirectory& directory) = 0;
  struct MapsStored {
    uint64_t bytes = 0;               // written by this writer
    std::vector<ManifestPack> packs;  // older ones among them
  };
  // Makes the maps durable; no file may be added afterwards.
  virtual Result<MapsStored> finish_maps() = 0;
  // The commit point: on success the backup exists and survives power loss. Returns the manifest's
  // size. conclusion.packs are those of pages: the writer knows those of its maps.
  virtual Result<uint64_t> commit(const ManifestConclusion& conclusion) = 0;
};
Result<std::unique_ptr<ManifestWriter>> create_manifest(store::ObjectStore& objects, Random& random,
                                                        const LineageLayout& layout,
                                                        const BackupId& id, int compression_level);

// One thread at a time, but for map_of(), which any may call at once. Bytes that were changed,
// anywhere, are kCorrupt and the object is named.
class ManifestReader {
 public:
  virtual ~ManifestReader() = default;
  // In the order written, directories before what is in them; nothing after the conclusion.
  virtual Result<std::optional<ManifestEntry>> next() = 0;
  // The same, and no map is fetched.
  virtual Result<std::optional<ManifestRecordEntry>> next_record() = 0;
  // The page map of a record of this manifest.
  virtual Result<repo::PageMap> map_of(const ManifestRecord& record) = 0;
};
Result<std::unique_ptr<ManifestReader>> open_manifest(store::ObjectStore& objects,
                                                      const LineageLayout& layout,
                                                      const BackupId& id);

// Only the conclusion, of a backup that was listed; reads the whole manifest. kCorrupt, too, when
// the summary is not the one that the manifest was written with.
Result<ManifestConclusion> read_conclusion(store::ObjectStore& objects, const LineageLayout& layout,
                                           const BackupSummary& summary);

}  // namespace walkback::catalog
