// Pages of which the WAL says that they are as the parent has them, and that are not.
//
// Some of what differs is nothing: hint bits, a page caught while it was being written. What
// remains is a change that nobody can explain.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "base/result.h"
#include "pg/types.h"

namespace walkback::pipeline {

// Of a page without what changes unlogged (pg/page_mask.h), for repo::PageMap::masked_hashes; never
// 0. Nothing of `page` changes.
uint32_t masked_hash(ByteView page);

struct DifferentPage {
  uint64_t file_offset = 0;
  uint32_t parents_hash = 0;  // masked
  MutableBytes page;          // replaced by what is read again
  bool is_alike = false;      // the answer: in the end it is as the parent has it
};

// A page cut in two by a reader has two halves that belong together a moment later; with a checksum
// that holds it was not. So only where there is none, `pages` are read again, a few times, until
// they are alike or say that they were changed after `start_lsn`. Returns how many bytes that read.
Result<uint64_t> read_until_whole(File& file, std::vector<DifferentPage>& pages, pg::Lsn start_lsn,
                                  Clock& clock);

}  // namespace walkback::pipeline
