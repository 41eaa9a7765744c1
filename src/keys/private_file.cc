#include "keys/private_file.h"

#include <fmt/format.h>

namespace walkback::keys {
namespace {

constexpr uint32_t kPrivate = 0600;
// Read or write by the group or by others. Execute says nothing of a file's contents.
constexpr uint32_t kOpenToOthers = 0066;

Error denied(std::string message, std::string hint) {
  return make_error(ErrorKind::kDenied, std::move(message), std::move(hint));
}

Result<void> check_privacy(const FileInfo& info, const std::string& path, uint32_t user_id,
                           std::string_view how_to_replace) {
  if (info.type != FileType::kRegular) {
    return make_error(ErrorKind::kInvalid,
                      fmt::format("{} is no regular file, and so no key file", path));
  }
  if (info.owner != 0 && info.owner != user_id) {
    return denied(
        fmt::format("the private key in {} belongs to another user, number {}", path, info.owner),
        // Never to give it away: the server's archive_command reads it as that user.
        "run walkback as that user");
  }
  if ((info.mode & kOpenToOthers) != 0) {
    return denied(
        fmt::format("the private key in {} is open to other users: mode {:04o}", path, info.mode),
        fmt::format("chmod 600 {}; if somebody may have read it, replace it: {}", path,
                    how_to_replace));
  }
  return success();
}

Error unreadable(Error error, const std::string& path) {
  if (error.kind != ErrorKind::kDenied) return error;
  return std::move(error).with_hint("run walkback as the user who owns " + path);
}

Result<void> write_whole(FileSystem& files, const std::string& path, std::string_view text) {
  std::unique_ptr<File> file = TRY(files.create(path, kPrivate));
  TRY(file->write_at(0, as_bytes(text)));
  return file->sync();
}

Error taken(const std::string& path) {
  return make_error(ErrorKind::kConflict, path + " is there already; a key file is never replaced",
                    "give another name, or move the file away if it is not needed");
}

Result<void> write_and_name(FileSystem& files, const std::string& temporary,
                            const std::string& path, std::string_view text) {
  TRY(write_whole(files, temporary, text));
  if (!TRY(files.rename_no_replace(temporary, path))) return taken(path);
  return success();
}

}  // namespace

Result<crypto::SecretText> read_private_file(FileSystem& files, const std::string& path,
                                             uint32_t user_id, std::string_view how_to_replace) {
  const std::optional<FileInfo> info = TRY(files.status(path));
  if (!info) return make_error(ErrorKind::kMissing, "there is no key file " + path);
  TRY(check_privacy(*info, path, user_id, how_to_replace));
  Result<std::unique_ptr<File>> file = files.open_read(path);
  if (!file.ok()) return unreadable(std::move(file).error(), path);
  const uint64_t size = TRY((*file)->size());
  if (size > kMostKeyFileBytes) {
    return make_error(ErrorKind::kInvalid,
                      fmt::format("{} is no key file: it has {} bytes", path, size));
  }
  std::string text(size, '\0');
  const Result<size_t> got = (*file)->read_at(0, std::as_writable_bytes(std::span(text)));
  crypto::SecretText secret(std::move(text));  // from here on it is wiped, whatever happened
  if (!got.ok()) return Error(got.error());
  if (*got != size) {
    return make_error(ErrorKind::kConflict, path + " changed while it was read", "try again");
  }
  return secret;
}

Result<void> write_private_file(FileSystem& files, Random& random, const std::string& path,
                                std::string_view text) {
  // Before anything is written: the usual case of a name that is taken.
  if (TRY(files.link_status(path))) return taken(path);
  const std::string temporary = path + ".tmp-" + random.hex(8);
  Result<void> written = write_and_name(files, temporary, path, text);
  if (!written.ok()) {
    (void)files.remove(temporary);  // what failed is the news
    return std::move(written).error().with_hint(
        fmt::format("the directory {} must exist and be writable", parent_path(path)));
  }
  return files.sync_directory(parent_path(path));
}

}  // namespace walkback::keys
