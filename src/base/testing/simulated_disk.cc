#include "base/testing/simulated_disk.h"

#include <algorithm>

namespace walkback {
namespace {

unsigned draw_percent(SeededRandom& random) {
  static constexpr std::array<unsigned, 5> kPercents{0, 10, 50, 90, 100};
  return kPercents[random.below(kPercents.size())];
}

size_t page_count(uint64_t size) {
  return (size + SimulatedContents::kPageSize - 1) / SimulatedContents::kPageSize;
}

}  // namespace

Survival::Survival(uint64_t seed)
    : random_(seed), data_percent_(draw_percent(random_)), name_percent_(draw_percent(random_)) {}

size_t SimulatedContents::read(uint64_t offset, MutableBytes out) const {
  if (offset >= now_.size) return 0;
  size_t length = std::min<uint64_t>(out.size(), now_.size - offset);
  for (size_t done = 0; done < length;) {
    uint64_t at = offset + done;
    size_t begin = at % kPageSize;
    size_t piece = std::min(length - done, kPageSize - begin);
    PageRef page = now_.page(at / kPageSize);
    if (page) {
      std::memcpy(out.data() + done, page->data() + begin, piece);
    } else {
      std::memset(out.data() + done, 0, piece);
    }
    done += piece;
  }
  return length;
}

void SimulatedContents::write(uint64_t offset, ByteView data) {
  if (data.empty()) return;
  if (offset + data.size() > now_.size) now_.set_size(offset + data.size());
  while (!data.empty()) {
    size_t begin = offset % kPageSize;
    size_t piece = std::min(data.size(), kPageSize - begin);
    change_page(offset / kPageSize, begin, data.first(piece));
    data = data.subspan(piece);
    offset += piece;
  }
}

void SimulatedContents::truncate(uint64_t size) {
  size_t before = now_.pages.size();
  bool cuts_a_page = size < now_.size && size % kPageSize != 0;
  now_.set_size(size);
  if (cuts_a_page) mark_dirty(size / kPageSize);
  for (size_t index = now_.pages.size(); index < before; ++index) mark_dirty(index);
}

void SimulatedContents::Version::set_size(uint64_t new_size) {
  size = new_size;
  pages.resize(page_count(new_size));
  size_t used = new_size % kPageSize;
  if (used == 0 || !pages.back()) return;
  // What lies behind the end must read as zeros when the file grows again.
  auto page = std::make_shared<Page>(*pages.back());
  std::fill(page->begin() + static_cast<ptrdiff_t>(used), page->end(), std::byte{0});
  pages.back() = std::move(page);
}

void SimulatedContents::change_page(size_t index, size_t begin, ByteView data) {
  PageRef old = now_.page(index);
  auto page =
      old && data.size() < kPageSize ? std::make_shared<Page>(*old) : std::make_shared<Page>();
  std::memcpy(page->data() + begin, data.data(), data.size());
  now_.pages[index] = std::move(page);
  mark_dirty(index);
}

void SimulatedContents::mark_dirty(size_t index) {
  if (dirty_.size() <= index) dirty_.resize(index + 1);
  dirty_[index] = true;
}

void SimulatedContents::sync() {
  durable_.set_size(now_.size);
  for (size_t index = 0; index < std::min(dirty_.size(), now_.pages.size()); ++index) {
    if (dirty_[index]) durable_.pages[index] = now_.pages[index];
  }
  dirty_.clear();
}

void SimulatedContents::sync_and_fail(SeededRandom& random) {
  for (size_t index = 0; index < dirty_.size(); ++index) {
    if (dirty_[index]) dirty_[index] = random.percent(50);
  }
}

SimulatedContents::PageRef SimulatedContents::surviving_page(size_t index,
                                                             Survival& survival) const {
  bool dirty = index < dirty_.size() && dirty_[index];
  if (dirty && index < now_.pages.size() && survival.data()) return now_.pages[index];
  if (index < durable_.pages.size()) return durable_.pages[index];
  bool hole = now_.page(index) == nullptr;
  if (hole || survival.random().percent(50)) return nullptr;
  auto stale = std::make_shared<Page>();
  survival.random().fill(*stale);
  return stale;
}

uint64_t SimulatedContents::surviving_size(Survival& survival) const {
  if (now_.size == durable_.size) return now_.size;
  if (survival.data()) return now_.size;
  if (survival.random().percent(50)) return durable_.size;
  auto [least, most] = std::minmax(now_.size, durable_.size);
  return least + survival.random().below(most - least + 1);
}

void SimulatedContents::cut_power(Survival& survival) {
  if (dirty_.empty() && now_.size == durable_.size) {
    // Also after a sync that failed: what is seen now is what the disk holds.
    now_ = durable_;
    return;
  }
  Version left;
  uint64_t size = surviving_size(survival);
  left.pages.reserve(page_count(size));
  for (size_t index = 0; index < page_count(size); ++index) {
    left.pages.push_back(surviving_page(index, survival));
  }
  left.set_size(size);
  durable_ = now_ = std::move(left);
  dirty_.clear();
}

NodeRef SimulatedNames::find(const std::string& name) const {
  auto found = now_.find(name);
  return found == now_.end() ? nullptr : found->second;
}

void SimulatedNames::set(const std::string& name, NodeRef node, uint64_t change) {
  now_[name] = node;
  pending_.push_back({.name = name, .node = std::move(node), .change = change});
}

void SimulatedNames::remove(const std::string& name, uint64_t after_change) {
  now_.erase(name);
  pending_.push_back({.name = name, .node = nullptr, .after_change = after_change});
}

void SimulatedNames::sync() {
  durable_ = now_;
  pending_.clear();
}

void SimulatedNames::draw_survivors(Survival& survival, std::set<uint64_t>& lost_changes) {
  for (Pending& pending : pending_) {
    pending.survives = survival.name();
    if (!pending.survives && pending.node) lost_changes.insert(pending.change);
  }
}

void SimulatedNames::cut_power(const std::set<uint64_t>& lost_changes) {
  for (const Pending& pending : pending_) {
    if (!pending.survives) continue;
    if (pending.node) {
      durable_[pending.name] = pending.node;
    } else if (!lost_changes.contains(pending.after_change)) {
      durable_.erase(pending.name);
    }
  }
  pending_.clear();
  now_ = durable_;
}

std::vector<NodeRef> SimulatedNames::reachable() const {
  std::vector<NodeRef> nodes;
  for (const auto& [name, node] : now_) nodes.push_back(node);
  for (const auto& [name, node] : durable_) nodes.push_back(node);
  for (const Pending& pending : pending_) {
    if (pending.node) nodes.push_back(pending.node);
  }
  return nodes;
}

namespace {

// Every node that is seen, durable or pending, in an order that a seed repeats.
std::vector<NodeRef> all_nodes(const NodeRef& root) {
  std::vector<NodeRef> nodes{root};
  std::set<SimulatedNode*> seen{root.get()};
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (const NodeRef& node : nodes[i]->names.reachable()) {
      if (seen.insert(node.get()).second) nodes.push_back(node);
    }
  }
  return nodes;
}

// A directory has one name: of a renamed one that shows under both, the second is taken away.
void drop_second_names(const NodeRef& directory, std::set<SimulatedNode*>& seen) {
  SimulatedNames::Names names = directory->names.now();
  for (const auto& [name, node] : names) {
    if (node->type != FileType::kDirectory) continue;
    if (seen.insert(node.get()).second) {
      drop_second_names(node, seen);
    } else {
      directory->names.remove(name);
    }
  }
  directory->names.sync();
}

}  // namespace

void cut_power(const NodeRef& root, Survival& survival) {
  std::vector<NodeRef> nodes = all_nodes(root);
  std::set<uint64_t> lost_changes;
  for (const NodeRef& node : nodes) node->names.draw_survivors(survival, lost_changes);
  for (const NodeRef& node : nodes) node->names.cut_power(lost_changes);
  for (const NodeRef& node : nodes) node->contents.cut_power(survival);
  std::set<SimulatedNode*> seen{root.get()};
  drop_second_names(root, seen);
}

void sync_tree(const NodeRef& root) {
  for (const NodeRef& node : all_nodes(root)) {
    node->names.sync();
    node->contents.sync();
  }
}

}  // namespace walkback
