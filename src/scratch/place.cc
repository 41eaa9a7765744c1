#include "scratch/place.h"

#include <fmt/format.h>

#include "base/host_name.h"
#include "base/json.h"
#include "base/remove_tree.h"
#include "catalog/json.h"
#include "catalog/process_identity.h"
#include "restore/mounts.h"
#include "restore/server.h"

namespace walkback::scratch {

namespace {

constexpr std::string_view kMark = "walkback.scratch.json";
constexpr uint32_t kOwnerOnly = 0700;

std::string encode(const Mark& mark) {
  Json json;
  json["purpose"] = mark.purpose;
  json["host"] = mark.host;
  json["process"] = mark.process;
  json["sockets"] = mark.sockets;
  return to_text(json);
}

// Two paths, or one through a bind mount: the tree of another file system is found by its device,
// and that of the same one only in the table of mounts.
Result<void> check_nothing_is_mounted(FileSystem& files, const std::string& root) {
  const Result<std::string> canonical = files.canonical(root);
  if (!canonical.ok()) return success();  // it is gone
  const std::vector<std::string> points = TRY(restore::Mounts::read(files)).below(*canonical);
  if (points.empty()) return success();
  return make_error(
      ErrorKind::kConflict,
      fmt::format("something is mounted on {}, inside a scratch directory", points.front()),
      "unmount it; then the directory can be removed");
}

}  // namespace

std::string data_directory_in(const std::string& root) { return join_path(root, "data"); }

Result<std::optional<Mark>> read_mark(FileSystem& files, const std::string& root) {
  const std::string path = join_path(root, kMark);
  Result<Bytes> read = read_file(files, path, 1 << 16);
  if (!read.ok() && read.error().kind == ErrorKind::kMissing) return std::optional<Mark>();
  const Bytes bytes = TRY(std::move(read));
  const Json json = TRY(catalog::parse_json(bytes, path));
  catalog::JsonFields fields(json, path);
  Mark mark;
  mark.purpose = fields.text("purpose");
  mark.host = fields.text("host");
  mark.process = fields.text("process");
  mark.sockets = fields.text("sockets");
  TRY(fields.done());
  return std::optional(std::move(mark));
}

Result<std::unique_ptr<Place>> Place::make(FileSystem& files, const std::string& root,
                                           const std::string& purpose) {
  TRY(make_directories(files, parent_path(root), kOwnerOnly));
  if (!TRY(files.make_directory(root, kOwnerOnly))) {
    return make_error(ErrorKind::kConflict, root + " is there already");
  }
  std::unique_ptr<Place> place(new Place(files, root));
  place->lock_ = TRY(files.lock_directory(root));
  if (!place->lock_) {
    return make_error(ErrorKind::kConflict, root + " is being removed by somebody else",
                      "run it again");
  }
  place->mark_.purpose = purpose;
  place->mark_.host = host_name();
  place->mark_.process = catalog::this_process();
  place->mark_.sockets = TRY(restore::choose_socket_directory(root));
  TRY(replace_file(files, join_path(root, kMark), as_bytes(encode(place->mark_)), 0600));
  return place;
}

Result<void> Place::remove() { return remove_place(files_, root_, mark_.sockets); }

Result<void> Place::keep() {
  TRY(files_.remove(join_path(root_, kMark)));
  return files_.sync_directory(root_);
}

Result<void> remove_place(FileSystem& files, const std::string& root, const std::string& sockets) {
  TRY(check_nothing_is_mounted(files, root));
  // The mark last: until then the next run knows that it is to be removed. The directory of the
  // socket before it, for nothing else names it.
  if (!sockets.empty() && sockets != root) TRY(remove_tree(files, sockets));
  return remove_tree(files, root, kMark);
}

}  // namespace walkback::scratch
