// What of a file is right already: it is neither fetched nor written again.
//
// Told by hashes: XXH3-64 for each page of a relation, XXH3-128 for a frame of any other file. A
// page that is wrong passes for right once in 2^64; what a torn write or a crash left of it does
// not matter.
#pragma once

#include <cstdint>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "pipeline/frame_reader.h"
#include "repo/page_map.h"

namespace walkback::pipeline {

// Its buffer is kept from file to file. One thread at a time.
class PagesThere {
 public:
  // `file` has the map's size. Takes the blocks that are right out of `uses`, and those uses of
  // which nothing is left; returns how many bytes that were.
  Result<uint64_t> leave_out_right(File& file, const repo::PageMap& map,
                                   std::vector<WantedFrame>& uses);

 private:
  struct Part;  // a run, and whose
  Result<void> read(File& file, uint64_t offset, MutableBytes out) const;
  Result<uint64_t> compare_pages(File& file, const repo::PageMap& map,
                                 std::vector<WantedFrame>& uses);
  Result<bool> is_right(File& file, const repo::PageMap& map, const WantedFrame& use);

  Bytes buffer_;
};

}  // namespace walkback::pipeline
