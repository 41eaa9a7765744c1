// Where a path leads: components, "..", symlinks.
#include <algorithm>
#include <cerrno>
#include <deque>

#include "base/testing/simulated_files.h"

namespace walkback {
namespace {

constexpr int kMaxSymlinks = 40;  // as Linux

Error error_of(int errno_value, std::string_view doing, const std::string& path) {
  return errno_error(errno_value, std::string(doing) + " " + path);
}

std::deque<std::string> components_of(std::string_view path) {
  std::deque<std::string> components;
  while (!path.empty()) {
    size_t slash = std::min(path.find('/'), path.size());
    std::string_view component = path.substr(0, slash);
    if (!component.empty() && component != ".") components.emplace_back(component);
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return components;
}

bool is_directory(const NodeRef& node) { return node && node->type == FileType::kDirectory; }

}  // namespace

Result<SimulatedFiles::Place> SimulatedFiles::locate(const std::string& path,
                                                     bool follow_last) const {
  std::deque<std::string> todo = components_of(path);
  std::vector<std::pair<std::string, NodeRef>> walked;  // below the root
  int symlinks = 0;
  while (!todo.empty()) {
    std::string name = std::move(todo.front());
    todo.pop_front();
    NodeRef parent = walked.empty() ? root_ : walked.back().second;
    if (!parent) return error_of(ENOENT, "opening", path);
    if (!is_directory(parent)) return error_of(ENOTDIR, "opening", path);
    if (name == "..") {
      if (!walked.empty()) walked.pop_back();
      continue;
    }
    NodeRef node = parent->names.find(name);
    if (node && node->type == FileType::kSymlink && (follow_last || !todo.empty())) {
      if (++symlinks > kMaxSymlinks) return error_of(ELOOP, "opening", path);
      if (node->target.starts_with('/')) walked.clear();
      std::deque<std::string> target = components_of(node->target);
      todo.insert(todo.begin(), target.begin(), target.end());
      continue;
    }
    walked.emplace_back(std::move(name), std::move(node));
  }
  Place place;
  for (const auto& [name, node] : walked) place.canonical.append("/").append(name);
  if (walked.empty()) {
    place.node = root_;
    place.canonical = "/";
  } else {
    place.parent = walked.size() == 1 ? root_ : walked[walked.size() - 2].second;
    place.name = walked.back().first;
    place.node = walked.back().second;
  }
  return place;
}

Result<SimulatedFiles::Place> SimulatedFiles::locate_existing(const std::string& path,
                                                              bool follow_last,
                                                              std::string_view doing) const {
  TRY(admit(path));
  Place place = TRY(locate(path, follow_last));
  if (!place.node) return error_of(ENOENT, doing, path);
  return place;
}

Result<SimulatedFiles::Place> SimulatedFiles::locate_new(const std::string& path,
                                                         std::string_view doing) const {
  TRY(admit(path));
  Place place = TRY(locate(path, false));
  if (place.node) return error_of(EEXIST, doing, path);
  return place;
}

Result<NodeRef> SimulatedFiles::locate_directory(const std::string& path,
                                                 std::string_view doing) const {
  Place place = TRY(locate_existing(path, true, doing));
  if (!is_directory(place.node)) return error_of(ENOTDIR, doing, path);
  return place.node;
}

NodeRef SimulatedFiles::make_node(FileType type, uint32_t mode) {
  auto node = std::make_shared<SimulatedNode>();
  node->type = type;
  node->mode = mode;
  node->inode = next_inode_++;
  node->modified = clock_.now();
  return node;
}

void SimulatedFiles::add_name(const Place& place, NodeRef node) {
  place.parent->names.set(place.name, std::move(node), next_change_++);
  place.parent->modified = clock_.now();
}

}  // namespace walkback
