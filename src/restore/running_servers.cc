#include "restore/running_servers.h"

#include <fmt/format.h>
#include <sys/shm.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include "base/whole_number.h"
#include "restore/target_directory.h"

namespace walkback::restore {

namespace {

// PGShmemHeader (src/include/storage/pg_shmem.h, the same from 13 to 18) on a 64-bit host.
struct SharedMemoryHeader {
  int32_t magic;
  int32_t creator_pid;
  uint64_t total_size;
  uint64_t free_offset;
  uint32_t dsm_control;
  void* index;
  uint64_t device;  // of the data directory
  uint64_t inode;
};
static_assert(sizeof(SharedMemoryHeader) == 56);
constexpr int32_t kSharedMemoryMagic = 679834894;

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// The name that the kernel shows of a process: "postgres", a distributor's "edb-postgres".
bool is_postgres(FileSystem& files, const std::string& process) {
  const Result<std::unique_ptr<File>> file = files.open_read(join_path(process, "comm"));
  if (!file.ok()) return false;
  // Files of /proc say that they are empty.
  std::array<std::byte, 64> name{};
  const Result<size_t> size = (*file)->read_at(0, name);
  if (!size.ok()) return false;
  const std::string_view text = as_text(ByteView(name).first(*size));
  return text.find("postgres") != std::string_view::npos ||
         text.find("postmaster") != std::string_view::npos;
}

Error still_runs(const std::string& pgdata, const std::string& what) {
  return make_error(ErrorKind::kConflict, fmt::format("{} {}", pgdata, what),
                    "stop the server and all of its processes; nothing is written where one runs");
}

// Line 7 of postmaster.pid: the key and the number of the server's shared memory
// (src/include/utils/pidfile.h).
Result<std::optional<int>> shared_memory_of(FileSystem& files, const std::string& pgdata) {
  Result<Bytes> read = read_file(files, join_path(pgdata, "postmaster.pid"), 1 << 16);
  if (!read.ok() && read.error().kind == ErrorKind::kMissing) return std::optional<int>();
  const Bytes bytes = TRY(std::move(read));
  std::string_view text = as_text(bytes);
  for (int line = 1; line < 7; ++line) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return std::optional<int>();
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('\n'));
  const size_t space = text.find_last_of(' ');
  if (space == std::string_view::npos) return std::optional<int>();
  text.remove_prefix(space + 1);
  return whole_number<int>(text);
}

// As PGSharedMemoryAttach() in src/backend/port/sysv_shmem.c: numbers are used again, so whose it
// is stands in it.
bool is_attached(int id, const FileInfo& pgdata) {
  shmid_ds before{};
  if (shmctl(id, IPC_STAT, &before) != 0 || before.shm_nattch == 0) return false;
  if (before.shm_segsz < sizeof(SharedMemoryHeader)) return false;
  const void* memory = shmat(id, nullptr, SHM_RDONLY);
  if (memory == reinterpret_cast<void*>(-1)) return false;
  SharedMemoryHeader header{};
  std::memcpy(&header, memory, sizeof(header));
  shmdt(memory);
  return header.magic == kSharedMemoryMagic && header.device == pgdata.device &&
         header.inode == pgdata.inode;
}

// Their directories in /proc.
Result<std::vector<std::string>> postgres_processes(FileSystem& files) {
  std::vector<std::string> found;
  if (!TRY(files.status("/proc"))) return found;
  for (const DirectoryEntry& entry : TRY(files.list("/proc"))) {
    if (entry.type != FileType::kDirectory || !is_number(entry.name)) continue;
    std::string process = join_path("/proc", entry.name);
    if (is_postgres(files, process)) found.push_back(std::move(process));
  }
  return found;
}

}  // namespace

Result<std::vector<int>> server_processes(FileSystem& files, const std::string& pgdata) {
  std::vector<int> found;
  const Result<std::optional<FileInfo>> own = files.status(pgdata);
  if (own.ok() && !*own) return found;
  // Mounted by a process that is gone: only the name still tells.
  const std::string name_of_own =
      own.ok() ? std::string()
               : join_path(TRY(files.canonical(parent_path(pgdata))), file_name(pgdata));
  const auto is_there = [&](const std::string& cwd) {
    if (!own.ok()) {
      const Result<std::string> name = files.read_symlink(cwd);
      return name.ok() && *name == name_of_own;
    }
    const Result<std::optional<FileInfo>> info = files.status(cwd);
    return info.ok() && *info && (*info)->device == (*own)->device &&
           (*info)->inode == (*own)->inode;
  };
  for (const std::string& process : TRY(postgres_processes(files))) {
    if (!is_there(join_path(process, "cwd"))) continue;
    int pid = 0;
    const std::string name = file_name(process);
    std::from_chars(name.data(), name.data() + name.size(), pid);
    found.push_back(pid);
  }
  return found;
}

Result<std::vector<std::string>> running_data_directories(FileSystem& files) {
  std::vector<std::string> found;
  for (const std::string& process : TRY(postgres_processes(files))) {
    // Of another user's process it may not be seen; and any may end meanwhile.
    const Result<std::string> directory = files.canonical(join_path(process, "cwd"));
    if (!directory.ok()) continue;
    const Result<std::optional<FileInfo>> version =
        files.status(join_path(*directory, "PG_VERSION"));
    if (!version.ok() || !*version) continue;
    if (std::ranges::find(found, *directory) == found.end()) found.push_back(*directory);
  }
  return found;
}

Result<void> check_is_stopped(FileSystem& files, const std::string& pgdata) {
  if (TRY(server_is_running(files, pgdata))) {
    return still_runs(pgdata, "is the data directory of a running server");
  }
  const std::optional<FileInfo> own = TRY(files.status(pgdata));
  if (!own) return success();
  for (const std::string& directory : TRY(running_data_directories(files))) {
    const Result<std::optional<FileInfo>> other = files.status(directory);
    if (!other.ok() || !*other) continue;
    if ((*other)->device == own->device && (*other)->inode == own->inode) {
      return still_runs(pgdata, "has processes of a server at work, though its postmaster is gone");
    }
  }
  const std::optional<int> memory = TRY(shared_memory_of(files, pgdata));
  if (memory && is_attached(*memory, *own)) {
    return still_runs(pgdata, "has shared memory in use: a process of its server lives on");
  }
  return success();
}

}  // namespace walkback::restore
