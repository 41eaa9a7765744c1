// Where the content of a backup's files comes from, frame by frame.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pipeline/frame_reader.h"
#include "repo/page_map.h"

namespace walkback::ondemand {

// A page map, and which of its runs use which frame.
struct MappedFile {
  explicit MappedFile(repo::PageMap page_map) : map(std::move(page_map)), runs(map) {}
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  const repo::PageMap map;
  const pipeline::RunsByFrame runs;
};

// Whether a file of the data directory, by its name in a backup, is fetched when it is first read:
// relations, and what PostgreSQL keeps of transactions. All else is small, or is read and changed
// before a server runs.
bool comes_on_demand(std::string_view name);

// Thread-safe.
class FileSource {
 public:
  virtual ~FileSource() = default;
  // Nothing when the backup has no file of this name, or not one that comes on demand.
  virtual std::optional<uint64_t> size_of(const std::string& name) const = 0;
  // Of a file that is there.
  virtual Result<std::shared_ptr<const MappedFile>> map_of(const std::string& name) = 0;
  // As pipeline::FrameReader::read().
  virtual Result<void> read(const std::string& name, const MappedFile& file,
                            std::vector<pipeline::WantedFrame> frames,
                            const pipeline::TakeRun& take) = 0;
  // Something could not be written to the local files: the kernel took it already, and has nobody
  // to tell.
  virtual void local_write_failed(Error error) = 0;
};

}  // namespace walkback::ondemand
