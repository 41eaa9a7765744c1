#include "pipeline/file_restore.h"

#include <numeric>

namespace walkback::pipeline {

FileRestore::FileRestore(TargetFile target, std::unique_ptr<File> file, bool was_there)
    : target_(std::move(target)), file_(std::move(file)), was_there_(was_there) {
  group_runs_by_frame();
  cut_into_pieces();
}

// A counting sort: a file may have a run for each of its pages.
void FileRestore::group_runs_by_frame() {
  const repo::PageMap& map = target_.map;
  runs_begin_.assign(map.frames.size() + 1, 0);
  for (const repo::Run& run : map.runs) {
    if (runs_begin_[run.frame + 1]++ == 0) frames_.push_back(run.frame);
  }
  std::partial_sum(runs_begin_.begin(), runs_begin_.end(), runs_begin_.begin());
  std::vector<uint32_t> next(runs_begin_.begin(), runs_begin_.end() - 1);
  runs_.resize(map.runs.size());
  for (uint32_t i = 0; i < map.runs.size(); ++i) runs_[next[map.runs[i].frame]++] = i;
}

void FileRestore::cut_into_pieces() {
  uint64_t content = 0;
  for (uint32_t i = 0; i < frames_.size(); ++i) {
    if (pieces_.empty() || content >= kPieceContent) {
      pieces_.push_back({i, i});
      content = 0;
    }
    pieces_.back().end = i + 1;
    content += target_.map.frames[frames_[i]].content_bytes;
  }
}

std::vector<FileRestore::Use> FileRestore::uses(uint32_t piece) const {
  std::vector<Use> uses;
  for (uint32_t i = pieces_[piece].begin; i < pieces_[piece].end; ++i) {
    Use use{.frame = frames_[i], .runs = {}};
    for (uint32_t at = runs_begin_[use.frame]; at < runs_begin_[use.frame + 1]; ++at) {
      use.runs.push_back(target_.map.runs[runs_[at]]);
    }
    uses.push_back(std::move(use));
  }
  return uses;
}

}  // namespace walkback::pipeline
