// What SimulatedFiles keeps of one file and one directory: what the running system sees, what the
// disk holds, and what a power cut makes of the difference.
//
// The model is the weakest that POSIX lets a file system be, so it asks more than ext4 does. No
// locks here: SimulatedFiles has one.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/file_system.h"
#include "base/testing/seeded_random.h"

namespace walkback {

// What one power cut spares. Each cut draws how much of the unsynced data and names survives, from
// nothing to everything: a coin for each page would all but never show either end.
class Survival {
 public:
  explicit Survival(uint64_t seed);
  bool data() { return random_.percent(data_percent_); }
  bool name() { return random_.percent(name_percent_); }
  SeededRandom& random() { return random_; }

 private:
  SeededRandom random_;
  unsigned data_percent_;
  unsigned name_percent_;
};

// A file's bytes. Pages are shared between what is seen and what is durable, and never change.
class SimulatedContents {
 public:
  static constexpr size_t kPageSize = 4096;

  uint64_t size() const { return now_.size; }
  size_t read(uint64_t offset, MutableBytes out) const;
  void write(uint64_t offset, ByteView data);
  void truncate(uint64_t size);

  void sync();
  // What Linux does when fsync fails: the error is told once, some pages are called clean though
  // they never reached the disk, and the next sync succeeds without them.
  void sync_and_fail(SeededRandom& random);
  // Each page not synced is there or not; so is a size not synced, or one between. What the size
  // covers and no page does is zeros, or whatever was on the disk before.
  void cut_power(Survival& survival);

 private:
  using Page = std::array<std::byte, kPageSize>;
  using PageRef = std::shared_ptr<const Page>;  // null is a page of zeros
  struct Version {
    uint64_t size = 0;
    std::vector<PageRef> pages;
    PageRef page(size_t index) const { return index < pages.size() ? pages[index] : nullptr; }
    void set_size(uint64_t new_size);
  };

  void change_page(size_t index, size_t begin, ByteView data);
  void mark_dirty(size_t index);
  PageRef surviving_page(size_t index, Survival& survival) const;
  uint64_t surviving_size(Survival& survival) const;

  Version now_;
  Version durable_;
  std::vector<bool> dirty_;
};

struct SimulatedNode;
using NodeRef = std::shared_ptr<SimulatedNode>;

// A directory's names. Every change is pending until the directory is synced; in a power cut each
// pending change survives or not on its own, but the old name of a rename goes only if the new one
// came: a rename shows the old name, the new one, or both.
class SimulatedNames {
 public:
  using Names = std::map<std::string, NodeRef>;

  const Names& now() const { return now_; }
  NodeRef find(const std::string& name) const;

  // `change` numbers the change within the whole file system; remove() may name the one it waits
  // for.
  void set(const std::string& name, NodeRef node, uint64_t change);
  void remove(const std::string& name, uint64_t after_change = 0);
  void sync();

  // A power cut, in two steps over all directories: which new names are lost, then what is left.
  void draw_survivors(Survival& survival, std::set<uint64_t>& lost_changes);
  void cut_power(const std::set<uint64_t>& lost_changes);

  // Everything that a power cut could bring back.
  std::vector<NodeRef> reachable() const;

 private:
  struct Pending {
    std::string name;
    NodeRef node;  // null: removed
    uint64_t change = 0;
    uint64_t after_change = 0;
    bool survives = false;
  };

  Names now_;
  Names durable_;
  std::vector<Pending> pending_;
};

struct SimulatedNode {
  FileType type = FileType::kRegular;
  uint32_t mode = 0;
  uint64_t inode = 0;
  Timestamp modified;
  SimulatedContents contents;  // of a regular file
  std::string target;          // of a symlink
  SimulatedNames names;        // of a directory
};

// Cuts the power under the tree of `root`: afterwards all that is seen is durable.
void cut_power(const NodeRef& root, Survival& survival);
// Syncs everything under `root`.
void sync_tree(const NodeRef& root);

}  // namespace walkback
