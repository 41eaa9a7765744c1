#include "restore/delta_start.h"

#include <algorithm>

#include "restore/running_servers.h"
#include "restore/unfinished.h"

namespace walkback::restore {

namespace {

constexpr uint32_t kDirectoryMode = 0700;
constexpr uint32_t kFileMode = 0600;
constexpr size_t kCopyBytes = 1 << 20;
constexpr uint64_t kLargestConfigurationFile = 64 << 20;

Result<void> copy_durably(FileSystem& files, const std::string& from, const std::string& to) {
  // Of an earlier attempt.
  if (TRY(files.link_status(to))) TRY(files.remove(to));
  const std::unique_ptr<File> source = TRY(files.open_read(from));
  const std::unique_ptr<File> copy = TRY(files.create(to, kFileMode));
  Bytes buffer(kCopyBytes);
  for (uint64_t offset = 0;; offset += buffer.size()) {
    const size_t got = TRY(source->read_at(offset, buffer));
    TRY(copy->write_at(offset, ByteView(buffer).first(got)));
    if (got < buffer.size()) break;
  }
  TRY(copy->sync());
  return files.sync_directory(parent_path(to));
}

// Its new name is durable before its old one goes. Onto another file system, by copying.
Result<void> move_durably(FileSystem& files, const std::string& from, const std::string& to) {
  if (files.rename(from, to).ok()) {
    TRY(files.sync_directory(parent_path(to)));
    return files.sync_directory(parent_path(from));
  }
  TRY(copy_durably(files, from, to));
  TRY(files.remove(from));
  return files.sync_directory(parent_path(from));
}

class Start {
 public:
  Start(FileSystem& files, const std::string& data_directory, const DeltaSurvey& survey)
      : files_(files), data_directory_(data_directory), survey_(survey) {}

  Result<void> run() {
    TRY(write_mark(files_, data_directory_,
                   {survey_.reused.system_identifier, survey_.kept_directory}));
    TRY(make_directories(files_, survey_.kept_directory, kDirectoryMode));
    TRY(keep_configuration());
    TRY(put_control_file_aside());
    TRY(keep_wal());
    return remove_what_goes();
  }

 private:
  std::string path(const std::string& name) const { return join_path(data_directory_, name); }
  std::string kept(const std::string& name) const {
    return join_path(survey_.kept_directory, name);
  }

  Result<void> keep_configuration() {
    if (survey_.kept_configuration.empty()) return success();
    TRY(make_directories(files_, kept("configuration"), kDirectoryMode));
    for (const std::string& name : survey_.kept_configuration) {
      const Bytes text = TRY(read_file(files_, path(name), kLargestConfigurationFile));
      TRY(replace_file(files_, kept("configuration/" + name), text, kFileMode));
    }
    return success();
  }

  Result<void> put_control_file_aside() {
    const std::string control = path("global/pg_control");
    if (!TRY(files_.link_status(control))) return success();
    TRY(move_durably(files_, control, kept("pg_control")));
    // From here on none starts; one that did a moment ago is left alone.
    const Result<void> stopped = check_is_stopped(files_, data_directory_);
    if (!stopped.ok()) {
      TRY(copy_durably(files_, kept("pg_control"), control));
      TRY(remove_mark(files_, data_directory_));
    }
    return stopped;
  }

  Result<void> keep_wal() {
    if (survey_.kept_wal.empty()) return success();
    TRY(make_directories(files_, kept("pg_wal"), kDirectoryMode));
    for (const std::string& name : survey_.kept_wal) {
      TRY(move_durably(files_, join_path(survey_.reused.pg_wal, name), kept("pg_wal/" + name)));
    }
    return success();
  }

  Result<void> remove_what_goes() {
    for (const std::string& name : survey_.goes) TRY(files_.remove(path(name)));
    return success();
  }

  FileSystem& files_;
  const std::string& data_directory_;
  const DeltaSurvey& survey_;
};

}  // namespace

Result<void> start_delta(FileSystem& files, const std::string& data_directory,
                         const DeltaSurvey& survey) {
  return Start(files, data_directory, survey).run();
}

}  // namespace walkback::restore
