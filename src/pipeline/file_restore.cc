#include "pipeline/file_restore.h"

namespace walkback::pipeline {

FileRestore::FileRestore(TargetFile target, std::unique_ptr<File> file, bool was_there)
    : target_(std::move(target)),
      file_(std::move(file)),
      was_there_(was_there),
      runs_(target_.map) {
  cut_into_pieces();
}

void FileRestore::cut_into_pieces() {
  uint64_t content = 0;
  for (uint32_t i = 0; i < runs_.frames().size(); ++i) {
    if (pieces_.empty() || content >= kPieceContent) {
      pieces_.push_back({i, i});
      content = 0;
    }
    pieces_.back().end = i + 1;
    content += target_.map.frames[runs_.frames()[i]].content_bytes;
  }
}

std::vector<WantedFrame> FileRestore::uses(uint32_t piece) const {
  std::vector<WantedFrame> uses;
  for (uint32_t i = pieces_[piece].begin; i < pieces_[piece].end; ++i) {
    uses.push_back(runs_.use_of(runs_.frames()[i]));
  }
  return uses;
}

}  // namespace walkback::pipeline
