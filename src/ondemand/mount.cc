#include "ondemand/mount.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <vector>

#include "base/start_process.h"
#include "ondemand/file_tree.h"
#include "ondemand/libfuse.h"

namespace walkback::ondemand {

namespace {

// Nobody but this mount changes anything below it, so the kernel may keep what it knows.
constexpr double kForLong = 3600;

constexpr const char* kDevice = "/dev/fuse";
constexpr std::string_view kMayMount =
    "the package fuse3 has fusermount3, which lets users mount; a container needs /dev/fuse and "
    "the right to mount (docker run --device /dev/fuse --cap-add SYS_ADMIN)";

// Who calls has seen that it loads.
const Libfuse& library() {
  static const Libfuse* const loaded = load_libfuse().value();
  return *loaded;
}

// What the kernel has open. It gives a file back some time after it was closed, and perhaps not
// before it is unmounted.
class Handles {
 public:
  ~Handles() {
    for (FileTree::Handle* handle : all_) delete handle;
  }
  FileTree::Handle* add(FileTree::Handle handle) {
    const std::lock_guard lock(mutex_);
    return *all_.insert(new FileTree::Handle(std::move(handle))).first;
  }
  void remove(FileTree::Handle* handle) {
    const std::lock_guard lock(mutex_);
    all_.erase(handle);
    delete handle;
  }

 private:
  std::mutex mutex_;
  std::unordered_set<FileTree::Handle*> all_;
};

struct Served {
  FileTree tree;
  Handles handles = {};
};

Served& served() { return *static_cast<Served*>(library().fuse_get_context()->private_data); }
FileTree& tree() { return served().tree; }

// Paths come from the mount's root.
std::string relative(const char* path) { return path[1] == '\0' ? "." : path + 1; }

int result_of(int call) { return call < 0 ? -errno : 0; }

FileTree::Handle& handle_of(fuse_file_info* info) {
  return *reinterpret_cast<FileTree::Handle*>(info->fh);
}

void hand_out(FileTree::Handle handle, fuse_file_info* info) {
  info->fh = reinterpret_cast<uint64_t>(served().handles.add(std::move(handle)));
  info->keep_cache = 1;
}

void* init(fuse_conn_info* connection, fuse_config* config) {
  config->entry_timeout = config->attr_timeout = kForLong;
  config->negative_timeout = kForLong;
  // Files that are open are read and written by their handles, whatever became of their names.
  config->hard_remove = 1;
  config->nullpath_ok = 1;
  // What we fetch changes a file's time, not what is in it.
  connection->want &= ~static_cast<unsigned>(FUSE_CAP_AUTO_INVAL_DATA);
  // Replay writes the same pages over and over; what the kernel keeps of that we never see.
  connection->want |= connection->capable & static_cast<unsigned>(FUSE_CAP_WRITEBACK_CACHE);
  // Truncation is a call of its own.
  connection->want &= ~static_cast<unsigned>(FUSE_CAP_ATOMIC_O_TRUNC);
  return library().fuse_get_context()->private_data;
}

int get_attributes(const char* path, struct stat* out, fuse_file_info* info) {
  if (info != nullptr) return result_of(fstat(FileTree::descriptor(*handle_of(info)), out));
  return result_of(fstatat(tree().directory(), relative(path).c_str(), out, AT_SYMLINK_NOFOLLOW));
}

int read_link(const char* path, char* out, size_t size) {
  const ssize_t length = readlinkat(tree().directory(), relative(path).c_str(), out, size - 1);
  if (length < 0) return -errno;
  out[length] = '\0';
  return 0;
}

int make_directory(const char* path, mode_t mode) {
  return result_of(mkdirat(tree().directory(), relative(path).c_str(), mode));
}

int remove_file(const char* path) { return tree().remove(relative(path)); }

int remove_directory(const char* path) {
  return result_of(unlinkat(tree().directory(), relative(path).c_str(), AT_REMOVEDIR));
}

int make_link(const char* target, const char* path) {
  return result_of(symlinkat(target, tree().directory(), relative(path).c_str()));
}

int rename_file(const char* from, const char* to, unsigned flags) {
  return tree().rename(relative(from), relative(to), flags);
}

int link_file(const char* from, const char* to) {
  return tree().link(relative(from), relative(to));
}

int change_mode(const char* path, mode_t mode, fuse_file_info* info) {
  if (info != nullptr) return result_of(fchmod(FileTree::descriptor(*handle_of(info)), mode));
  return result_of(fchmodat(tree().directory(), relative(path).c_str(), mode, 0));
}

int change_owner(const char* path, uid_t user, gid_t group, fuse_file_info* info) {
  if (info != nullptr) {
    return result_of(fchown(FileTree::descriptor(*handle_of(info)), user, group));
  }
  return result_of(
      fchownat(tree().directory(), relative(path).c_str(), user, group, AT_SYMLINK_NOFOLLOW));
}

int change_size(const char* path, off_t size, fuse_file_info* info) {
  if (size < 0) return -EINVAL;
  if (info != nullptr) return FileTree::truncate(*handle_of(info), static_cast<uint64_t>(size));
  FileTree::Handle file;
  if (const int failed = tree().open(relative(path), file); failed != 0) return failed;
  return FileTree::truncate(*file, static_cast<uint64_t>(size));
}

int change_times(const char* path, const timespec times[2], fuse_file_info* info) {
  if (info != nullptr) return result_of(futimens(FileTree::descriptor(*handle_of(info)), times));
  return result_of(
      utimensat(tree().directory(), relative(path).c_str(), times, AT_SYMLINK_NOFOLLOW));
}

int open_file(const char* path, fuse_file_info* info) {
  FileTree::Handle file;
  if (const int failed = tree().open(relative(path), file); failed != 0) return failed;
  hand_out(std::move(file), info);
  return 0;
}

int create_file(const char* path, mode_t mode, fuse_file_info* info) {
  FileTree::Handle file;
  const int failed = tree().create(relative(path), info->flags, mode, file);
  if (failed != 0) return failed;
  hand_out(std::move(file), info);
  return 0;
}

int close_file(const char*, fuse_file_info* info) {
  served().handles.remove(&handle_of(info));
  return 0;
}

int read_file(const char*, char* out, size_t size, off_t offset, fuse_file_info* info) {
  const MutableBytes into(reinterpret_cast<std::byte*>(out), size);
  return static_cast<int>(FileTree::read(*handle_of(info), static_cast<uint64_t>(offset), into));
}

int write_file(const char*, const char* data, size_t size, off_t offset, fuse_file_info* info) {
  const ByteView from(reinterpret_cast<const std::byte*>(data), size);
  return static_cast<int>(FileTree::write(*handle_of(info), static_cast<uint64_t>(offset), from));
}

// Only to make room: what punches holes is not told to the blocks that are absent.
int allocate(const char*, int mode, off_t offset, off_t size, fuse_file_info* info) {
  if ((mode & ~FALLOC_FL_KEEP_SIZE) != 0) return -EOPNOTSUPP;
  return result_of(fallocate(FileTree::descriptor(*handle_of(info)), mode, offset, size));
}

int describe_disk(const char*, struct statvfs* out) {
  return result_of(fstatvfs(tree().directory(), out));
}

int open_directory(const char* path, fuse_file_info* info) {
  const int fd = openat(tree().directory(), relative(path).c_str(),
                        O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -errno;
  info->fh = static_cast<uint64_t>(fd);
  return 0;
}

int close_directory(const char*, fuse_file_info* info) {
  close(static_cast<int>(info->fh));
  return 0;
}

int list(const char*, void* out, fuse_fill_dir_t fill, off_t, fuse_file_info* info,
         fuse_readdir_flags) {
  // From the start, each time.
  const int fd = openat(static_cast<int>(info->fh), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -errno;
  DIR* directory = fdopendir(fd);
  if (directory == nullptr) {
    const int failed = errno;
    close(fd);
    return -failed;
  }
  errno = 0;
  while (const dirent* entry = readdir(directory)) {
    struct stat known {};
    known.st_ino = entry->d_ino;
    known.st_mode = static_cast<mode_t>(DTTOIF(entry->d_type));
    if (fill(out, entry->d_name, &known, 0, fuse_fill_dir_flags{}) != 0) break;
    errno = 0;
  }
  const int failed = errno;
  closedir(directory);
  return -failed;
}

// Neither fsync nor flush nor lseek: without them the kernel asks us for nothing. What is thrown
// away need not survive, and a hole that was not fetched yet is no hole (SEEK_DATA).
fuse_operations operations() {
  fuse_operations all{};
  all.init = init;
  all.getattr = get_attributes;
  all.readlink = read_link;
  all.mkdir = make_directory;
  all.unlink = remove_file;
  all.rmdir = remove_directory;
  all.symlink = make_link;
  all.rename = rename_file;
  all.link = link_file;
  all.chmod = change_mode;
  all.chown = change_owner;
  all.truncate = change_size;
  all.utimens = change_times;
  all.open = open_file;
  all.create = create_file;
  all.release = close_file;
  all.read = read_file;
  all.write = write_file;
  all.fallocate = allocate;
  all.statfs = describe_disk;
  all.opendir = open_directory;
  all.readdir = list;
  all.releasedir = close_directory;
  return all;
}

// A server's processes have more files open than what many systems let one process have at first.
void allow_many_files() {
  constexpr rlim_t kEnough = 65536;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kEnough) return;
  limit.rlim_cur = std::min(limit.rlim_max, kEnough);
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

Result<void> check_device() {
  const int fd = open(kDevice, O_RDWR | O_CLOEXEC);
  if (fd >= 0) {
    close(fd);
    return success();
  }
  const bool is_closed = errno == EACCES || errno == EPERM;
  return errno_error(errno, std::string("opening ") + kDevice)
      .with_hint(is_closed ? "every user may open /dev/fuse as udev makes it (mode 0666)"
                           : "the kernel's module fuse makes /dev/fuse (modprobe fuse); a "
                             "container is given it (docker run --device /dev/fuse)");
}

}  // namespace

class Mount::Session {
 public:
  Session(std::string directory, int underlying, const std::string& prefix, FileSource& source)
      : directory_(std::move(directory)), served_{{underlying, prefix, source}} {}

  Result<void> begin(int threads) {
    const fuse_operations all = operations();
    fuse_args arguments = FUSE_ARGS_INIT(0, nullptr);
    for (const char* argument : {"walkback", "-o", "fsname=walkback,subtype=walkback"}) {
      library().fuse_opt_add_arg(&arguments, argument);
    }
    fuse_ = library().fuse_new(&arguments, &all, sizeof all, &served_);
    library().fuse_opt_free_args(&arguments);
    if (fuse_ == nullptr) return make_error(ErrorKind::kIo, "libfuse does not start");
    if (library().fuse_mount(fuse_, directory_.c_str()) != 0) {
      return make_error(ErrorKind::kDenied, "nothing may be mounted on " + directory_,
                        std::string(kMayMount));
    }
    is_mounted_ = true;
    session_ = library().fuse_get_session(fuse_);
    // Threads that wait are woken by a request or by us: they wait before they read.
    device_ = library().fuse_session_fd(session_);
    if (fcntl(device_, F_SETFL, fcntl(device_, F_GETFL) | O_NONBLOCK) != 0) {
      return errno_error(errno, "setting up /dev/fuse");
    }
    wake_ = eventfd(0, EFD_CLOEXEC);
    if (wake_ < 0) return errno_error(errno, "making an event");
    // Signals are for the threads that wait for them.
    sigset_t every, before;
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return success();
  }

  ~Session() {
    // While it is served still: what asks for something on its way out gets it.
    if (is_mounted_) (void)unmount(directory_);
    if (session_ != nullptr) library().fuse_session_exit(session_);
    if (wake_ >= 0) (void)!eventfd_write(wake_, 1);
    for (std::thread& thread : threads_) thread.join();
    if (is_mounted_) library().fuse_unmount(fuse_);
    if (fuse_ != nullptr) library().fuse_destroy(fuse_);
    if (wake_ >= 0) close(wake_);
  }

 private:
  // One thread is woken for each request: all of them together, for each page that a server writes,
  // would take longer than all else.
  int wait_for_requests() const {
    const int waits = epoll_create1(EPOLL_CLOEXEC);
    epoll_event request{}, end{};
    request.events = EPOLLIN | EPOLLEXCLUSIVE;
    end.events = EPOLLIN;
    CHECK(waits >= 0 && epoll_ctl(waits, EPOLL_CTL_ADD, device_, &request) == 0 &&
          epoll_ctl(waits, EPOLL_CTL_ADD, wake_, &end) == 0);
    return waits;
  }

  // Until it is unmounted, or we say so.
  void serve() {
    const int waits = wait_for_requests();
    fuse_buf request{};
    while (library().fuse_session_exited(session_) == 0) {
      epoll_event happened{};
      if (epoll_wait(waits, &happened, 1, -1) < 0) continue;
      const int got = library().fuse_session_receive_buf(session_, &request);
      if (got == -EINTR || got == -EAGAIN) continue;
      if (got <= 0) break;
      library().fuse_session_process_buf(session_, &request);
    }
    free(request.mem);
    close(waits);
  }

  const std::string directory_;
  Served served_;
  struct fuse* fuse_ = nullptr;
  fuse_session* session_ = nullptr;
  bool is_mounted_ = false;
  int device_ = -1;
  int wake_ = -1;
  std::vector<std::thread> threads_;
};

Mount::Mount(std::unique_ptr<Session> session) : session_(std::move(session)) {}

Mount::~Mount() = default;

Result<std::unique_ptr<Mount>> Mount::make(const std::string& directory, const std::string& prefix,
                                           FileSource& source, int threads) {
  TRY(load_libfuse());
  TRY(check_device());
  allow_many_files();
  // Before it is hidden by what is mounted over it.
  const int underlying = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (underlying < 0) return errno_error(errno, "opening " + directory);
  auto session = std::make_unique<Session>(directory, underlying, prefix, source);
  TRY(session->begin(threads));
  return std::unique_ptr<Mount>(new Mount(std::move(session)));
}

namespace {

class NoFiles final : public FileSource {
 public:
  std::optional<uint64_t> size_of(const std::string&) const override { return std::nullopt; }
  Result<std::shared_ptr<const MappedFile>> map_of(const std::string& name) override {
    return make_error(ErrorKind::kMissing, name);
  }
  Result<void> read(const std::string& name, const MappedFile&, std::vector<pipeline::WantedFrame>,
                    const pipeline::TakeRun&) override {
    return make_error(ErrorKind::kMissing, name);
  }
  void local_write_failed(Error) override {}
};

}  // namespace

Result<void> try_to_mount() {
  static std::atomic<bool> went = false;
  if (went) return success();
  std::string directory = "/tmp/walkback-XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) return errno_error(errno, "making a directory in /tmp");
  NoFiles none;
  Result<std::unique_ptr<Mount>> mounted = Mount::make(directory, "", none, 1);
  const Result<void> allowed = mounted.ok() ? success() : Result<void>(mounted.error());
  if (mounted.ok()) mounted->reset();
  (void)rmdir(directory.c_str());
  went = allowed.ok();
  return allowed;
}

Result<void> unmount(const std::string& directory) {
  // Root needs no help, and who is mounted in a namespace of his own neither.
  if (umount2(directory.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0 || errno == EINVAL) {
    return success();
  }
  if (errno != EPERM) return errno_error(errno, "unmounting " + directory);
  for (const char* program : {"/usr/bin/fusermount3", "/bin/fusermount3"}) {
    if (access(program, X_OK) != 0) continue;
    const pid_t process =
        TRY(start_process({.command = {program, "-u", "-z", "-q", "--", directory}}));
    if (wait_for_process(process) == 0) return success();
    break;
  }
  return make_error(ErrorKind::kIo, directory + " cannot be unmounted",
                    "`fusermount3 -u -z " + directory + "`, or `umount -l` as root");
}

}  // namespace walkback::ondemand
