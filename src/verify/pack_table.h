// The packs that backups need, and what their maps say is in those that are to be read.
//
// Frames are many: where all would not fit, the table holds those of a range of packs, and the
// manifests are read again for the next.
#pragma once

#include <compare>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "codec/frame.h"
#include "repo/pack.h"
#include "verify/memory.h"
#include "verify/pack_check.h"

namespace walkback::verify {

struct PackKey {
  PackOf of = PackOf::kPages;
  repo::PackId id;
  auto operator<=>(const PackKey&) const = default;
};

struct Pack {
  std::optional<uint64_t> stored_bytes;  // nothing: it is not there
  bool wanted = false;                   // to be read
  // Of one that is not, but was: what it was compared with then.
  const Known* known = nullptr;
  std::optional<codec::ContentHash> as_written;  // of its stored bytes, as a manifest says
  std::vector<NamedFrame> frames;
  size_t sorted = 0;  // so many of them, from the front, are in order and once
};

// One thread at a time.
class PackTable {
 public:
  using Packs = std::map<PackKey, Pack>;

  explicit PackTable(size_t most_frames) : most_frames_(most_frames) {}

  Packs& packs() { return packs_; }
  const Packs& packs() const { return packs_; }
  Pack* find(const PackKey& key);

  // Frames are taken from `from` on, up to where they fit.
  void begin_pass(Packs::iterator from);
  void add_frame(const PackKey& key, const NamedFrame& frame);
  // Where the pass ended: begin the next from here. Packs up to it have all their frames.
  Packs::iterator end_of_pass() const { return end_; }

  // In order, each once.
  static void sort(Pack& pack);

 private:
  void make_room();

  const size_t most_frames_;
  Packs packs_;
  Packs::iterator begin_ = packs_.end();
  Packs::iterator end_ = packs_.end();
  size_t frames_ = 0;
};

}  // namespace walkback::verify
