#include "store/file_lister.h"

#include <algorithm>

namespace walkback::store {
namespace {

// A file or, with a '/' at the end, a directory. So sorted, "a.b" comes before what "a/" holds, as
// in the byte order of whole names.
struct Child {
  std::string name;
  bool is_folder() const { return name.back() == '/'; }
};

Result<FileType> type_of(FileSystem& files, const std::string& path, FileType type) {
  // An administrator may have moved a folder to another disk and left a symlink.
  if (type != FileType::kSymlink) return type;
  std::optional<FileInfo> info = TRY(files.status(path));
  return info ? info->type : FileType::kOther;
}

Result<std::vector<DirectoryEntry>> list_if_there(FileSystem& files, const std::string& path) {
  Result<std::vector<DirectoryEntry>> entries = files.list(path);
  if (!entries.ok() && entries.error().kind == ErrorKind::kMissing) {
    return std::vector<DirectoryEntry>{};
  }
  return entries;
}

// `folder` is empty or ends in '/', as do those below.
Result<std::vector<Child>> children_of(FileSystem& files, const std::string& root,
                                       const std::string& folder) {
  std::vector<Child> children;
  for (DirectoryEntry& entry : TRY(list_if_there(files, join_path(root, folder)))) {
    if (!ObjectKey::parse(folder + entry.name).ok()) continue;
    FileType type = TRY(type_of(files, join_path(root, folder + entry.name), entry.type));
    if (type == FileType::kDirectory) children.push_back({std::move(entry.name) + "/"});
    if (type == FileType::kRegular) children.push_back({std::move(entry.name)});
  }
  std::ranges::sort(children, {}, &Child::name);
  return children;
}

class Walk {
 public:
  Walk(FileSystem& files, const std::string& root, std::string_view prefix, std::string_view after,
       const ObjectStore::Visitor& visit)
      : files_(files), root_(root), prefix_(prefix), after_(after), visit_(visit) {}

  // False when the visitor has had enough.
  Result<bool> walk(const std::string& folder) {
    for (const Child& child : TRY(children_of(files_, root_, folder))) {
      std::string name = folder + child.name;
      bool more = child.is_folder() ? !may_hold(name) || TRY(walk(name)) : TRY(show(name));
      if (!more) return false;
    }
    return true;
  }

 private:
  // Whether names that begin with `folder` can be wanted.
  bool may_hold(std::string_view folder) const {
    bool in_prefix = folder.starts_with(prefix_) || prefix_.starts_with(folder);
    // When `after_` is larger but does not begin with the folder, it is larger than all the folder
    // holds.
    return in_prefix && (folder > after_ || after_.starts_with(folder));
  }

  Result<bool> show(const std::string& name) {
    if (!std::string_view(name).starts_with(prefix_) || name <= after_) return true;
    std::optional<FileInfo> info = TRY(files_.status(join_path(root_, name)));
    if (!info) return true;
    return visit_({ObjectKey(name), info->size});
  }

  FileSystem& files_;
  const std::string& root_;
  const std::string_view prefix_;
  const std::string_view after_;
  const ObjectStore::Visitor& visit_;
};

// "a/b/" of "a/b/c"; nothing where no object's name can begin so: such text must not become a path.
std::optional<std::string> folder_of(std::string_view prefix) {
  size_t slash = prefix.rfind('/');
  if (slash == std::string_view::npos) return std::string();
  if (!ObjectKey::parse(prefix.substr(0, slash)).ok()) return std::nullopt;
  return std::string(prefix.substr(0, slash + 1));
}

}  // namespace

Result<void> list_files(FileSystem& files, const std::string& root, std::string_view prefix,
                        std::string_view after, const ObjectStore::Visitor& visit) {
  std::optional<std::string> folder = folder_of(prefix);
  if (folder) TRY(Walk(files, root, prefix, after, visit).walk(*folder));
  return success();
}

Result<std::vector<std::string>> list_file_folders(FileSystem& files, const std::string& root,
                                                   std::string_view folder) {
  std::vector<std::string> folders;
  std::optional<std::string> start = folder_of(folder);
  if (!start) return folders;
  for (const Child& child : TRY(children_of(files, root, *start))) {
    if (!child.is_folder()) continue;
    bool holds_objects = false;
    TRY(list_files(files, root, *start + child.name, "", [&](const ObjectInfo&) {
      holds_objects = true;
      return false;
    }));
    if (holds_objects) folders.push_back(child.name.substr(0, child.name.size() - 1));
  }
  // Sorted with their '/', "a." would stand before "a".
  std::ranges::sort(folders);
  return folders;
}

}  // namespace walkback::store
