#include "scratch/leftovers.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "base/host_name.h"
#include "base/shell.h"
#include "catalog/process_identity.h"
#include "ondemand/mount.h"
#include "restore/mounts.h"
#include "restore/running_servers.h"
#include "scratch/place.h"

namespace walkback::scratch {

namespace {

using namespace std::chrono_literals;

// An immediate shutdown takes a moment, and after five seconds the postmaster itself kills
// (SIGKILL_CHILDREN_AFTER_SECS, src/backend/postmaster/postmaster.c).
constexpr auto kBeforeKilling = 8s;
constexpr auto kBeforeGivingUp = 15s;
constexpr auto kBetweenLooks = 50ms;
// The kernel closes a killed process's files one by one: its lock may go after the pipe that told
// its guard.
constexpr auto kForTheLock = 2s;

// A descriptor of the process keeps its number from meaning another one between the look and the
// signal.
void send(FileSystem& files, const std::string& data_directory, int pid, int signal) {
  // By number: glibc 2.36 declares its functions for C alone.
  const int process = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (process < 0) return;
  const Result<std::vector<int>> at_work = restore::server_processes(files, data_directory);
  if (at_work.ok() && std::ranges::find(*at_work, pid) != at_work->end()) {
    (void)syscall(SYS_pidfd_send_signal, process, signal, nullptr, 0);
  }
  close(process);
}

Result<void> end_server(FileSystem& files, const std::string& data_directory, Clock& clock) {
  const auto began = clock.monotonic();
  bool asked = false, killed = false;
  for (;;) {
    const std::vector<int> pids = TRY(restore::server_processes(files, data_directory));
    if (pids.empty()) return success();
    const auto waited = clock.monotonic() - began;
    if (waited > kBeforeGivingUp) {
      return make_error(ErrorKind::kIo, fmt::format("process {} of the server in {} does not end",
                                                    pids.front(), data_directory));
    }
    const bool kill_now = waited > kBeforeKilling && !killed;
    if (!asked || kill_now) {
      for (const int pid : pids) send(files, data_directory, pid, kill_now ? SIGKILL : SIGQUIT);
    }
    asked = true;
    killed = killed || kill_now;
    clock.sleep(kBetweenLooks);
  }
}

// What a server read on demand: its process is gone, and nothing can be read there any more.
Result<void> unmount_what_is_ours(FileSystem& files, const std::string& root) {
  const std::string canonical = TRY(files.canonical(root));
  for (const std::string& point :
       TRY(restore::Mounts::read(files)).below(canonical, ondemand::kFileSystemType)) {
    TRY(ondemand::unmount(point));
  }
  return success();
}

// Nothing when somebody keeps it.
Result<std::unique_ptr<DirectoryLock>> wait_for_lock(FileSystem& files, const std::string& root,
                                                     Clock& clock) {
  const auto began = clock.monotonic();
  for (;;) {
    std::unique_ptr<DirectoryLock> lock = TRY(files.lock_directory(root));
    if (lock || clock.monotonic() - began > kForTheLock) return lock;
    clock.sleep(kBetweenLooks);
  }
}

}  // namespace

Result<Maker> look_for_maker(FileSystem& files, const std::string& root) {
  const std::optional<Mark> mark = TRY(read_mark(files, root));
  if (!mark) return Maker::kUnknown;
  const bool this_boot = catalog::is_of_this_boot(mark->process);
  const bool gone = this_boot ? catalog::has_ended_here(mark->process) : mark->host == host_name();
  const std::unique_ptr<DirectoryLock> lock = TRY(files.lock_directory(root));
  if (!lock) return Maker::kAlive;
  return gone ? Maker::kGone : Maker::kUnknown;
}

Result<void> clean_up(FileSystem& files, const std::string& root, Clock& clock) {
  if (!TRY(files.link_status(root))) return success();
  const std::unique_ptr<DirectoryLock> lock = TRY(wait_for_lock(files, root, clock));
  if (!lock) return success();
  TRY(end_server(files, data_directory_in(root), clock));
  TRY(unmount_what_is_ours(files, root));
  const Result<std::optional<Mark>> mark = read_mark(files, root);
  const std::string sockets = mark.ok() && *mark ? (*mark)->sockets : "";
  // A restore_command may be at its last file while its server is gone.
  const auto began = clock.monotonic();
  for (;;) {
    Result<void> removed = remove_place(files, root, sockets);
    if (removed.ok() || clock.monotonic() - began > 5s) return removed;
    clock.sleep(kBetweenLooks);
  }
}

void clean_up_leftovers(FileSystem& files, const std::string& directory, Clock& clock,
                        Progress& progress) {
  const Result<std::vector<DirectoryEntry>> entries = files.list(directory);
  if (!entries.ok()) return;
  for (const DirectoryEntry& entry : *entries) {
    const std::string root = join_path(directory, entry.name);
    if (entry.type != FileType::kDirectory) continue;
    const Result<std::optional<Mark>> mark = read_mark(files, root);
    if (!mark.ok() || !*mark) continue;
    const Result<Maker> maker = look_for_maker(files, root);
    if (maker.ok() && *maker == Maker::kGone) {
      const Result<void> cleaned = clean_up(files, root, clock);
      progress.note(cleaned.ok() ? fmt::format("removed {}, which a killed {} left behind", root,
                                               (*mark)->purpose)
                                 : fmt::format("{} was left behind by a killed {} and stays: {}",
                                               root, (*mark)->purpose, cleaned.error().message));
    } else if (maker.ok() && *maker == Maker::kUnknown) {
      progress.note(fmt::format("{} is of a {} on {}: if that has ended, `rm -r {}`", root,
                                (*mark)->purpose, (*mark)->host, shell_word(root)));
    }
  }
}

}  // namespace walkback::scratch
