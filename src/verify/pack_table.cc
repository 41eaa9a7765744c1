#include "verify/pack_table.h"

#include <algorithm>

#include "base/sort_unique.h"

namespace walkback::verify {

namespace {

// Two backups name nearly the same: from so many frames on, each once when they have doubled.
constexpr size_t kWorthSorting = 64;

}  // namespace

Pack* PackTable::find(const PackKey& key) {
  const auto found = packs_.find(key);
  return found == packs_.end() ? nullptr : &found->second;
}

void PackTable::begin_pass(Packs::iterator from) {
  for (auto& [key, pack] : packs_) {
    std::vector<NamedFrame>().swap(pack.frames);
    pack.sorted = 0;
  }
  begin_ = from;
  end_ = packs_.end();
  frames_ = 0;
}

void PackTable::add_frame(const PackKey& key, const NamedFrame& frame) {
  const auto found = packs_.find(key);
  if (found == packs_.end() || !found->second.wanted) return;
  if (begin_ == packs_.end() || key < begin_->first) return;
  if (end_ != packs_.end() && key >= end_->first) return;
  Pack& pack = found->second;
  pack.frames.push_back(frame);
  ++frames_;
  if (pack.frames.size() >= std::max(kWorthSorting, 2 * pack.sorted)) {
    frames_ -= pack.frames.size();
    sort(pack);
    frames_ += pack.frames.size();
  }
  if (frames_ > most_frames_) make_room();
}

void PackTable::sort(Pack& pack) {
  sort_unique(pack.frames);
  pack.sorted = pack.frames.size();
}

// From the end, so that what is left is a range; never the pass's first pack, or it would not end.
void PackTable::make_room() {
  frames_ = 0;
  for (auto pack = begin_; pack != end_; ++pack) {
    sort(pack->second);
    frames_ += pack->second.frames.size();
  }
  const size_t enough = most_frames_ / 4 * 3;
  while (frames_ > enough && std::prev(end_) != begin_) {
    --end_;
    frames_ -= end_->second.frames.size();
    std::vector<NamedFrame>().swap(end_->second.frames);
    end_->second.sorted = 0;
  }
}

}  // namespace walkback::verify
