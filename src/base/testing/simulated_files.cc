// Power, faults, and what each call passes on its way in.
#include "base/testing/simulated_files.h"

#include <algorithm>
#include <cerrno>

namespace walkback {

SimulatedFiles::SimulatedFiles(uint64_t seed, Clock& clock) : clock_(clock), random_(seed) {
  root_ = make_node(FileType::kDirectory, 0755);
}

// --- power and faults ---

void SimulatedFiles::power_cut(uint64_t seed) {
  std::lock_guard lock(mutex_);
  fail(Failure::kPowerCut, seed);
}

void SimulatedFiles::fail(Failure failure, uint64_t seed) {
  failed_ = true;
  ++generation_;
  locks_.clear();
  fail_at_.reset();
  if (failure == Failure::kKilled) return;
  Survival survival(seed);
  walkback::cut_power(root_, survival);
}

void SimulatedFiles::fail_at_operation(uint64_t n, Failure failure) {
  std::lock_guard lock(mutex_);
  failure_ = failure;
  fail_at_.reset();
  if (n > 0) fail_at_ = operations_ + n;
}

void SimulatedFiles::reboot() {
  std::lock_guard lock(mutex_);
  failed_ = false;
}

bool SimulatedFiles::failed() const {
  std::lock_guard lock(mutex_);
  return failed_;
}

uint64_t SimulatedFiles::operations() const {
  std::lock_guard lock(mutex_);
  return operations_;
}

void SimulatedFiles::fail_next(Operation operation, uint64_t times) {
  std::lock_guard lock(mutex_);
  faults_[operation] = times;
}

void SimulatedFiles::limit_space(std::optional<uint64_t> bytes) {
  std::lock_guard lock(mutex_);
  space_left_ = bytes;
}

void SimulatedFiles::deny(const std::string& path) {
  std::lock_guard lock(mutex_);
  denied_.insert(path);
}

void SimulatedFiles::allow_all() {
  std::lock_guard lock(mutex_);
  denied_.clear();
}

bool SimulatedFiles::is_at_or_below(std::string_view path, std::string_view folder) {
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

Result<void> SimulatedFiles::admit(const std::string& path) const {
  if (failed_) return make_error(ErrorKind::kIo, path + ": power is off");
  for (const std::string& denied : denied_) {
    if (is_at_or_below(path, denied)) return errno_error(EACCES, "opening " + path);
  }
  return success();
}

std::optional<Error> SimulatedFiles::take_fault(Operation operation, const std::string& path) {
  auto fault = faults_.find(operation);
  if (fault == faults_.end() || fault->second == 0) return std::nullopt;
  --fault->second;
  return errno_error(EIO, "changing " + path);
}

ByteView SimulatedFiles::what_space_allows(ByteView data) {
  if (failing_now_) data = data.first(random_.below(data.size() + 1));
  if (!space_left_) return data;
  data = data.first(std::min<uint64_t>(data.size(), *space_left_));
  *space_left_ -= data.size();
  return data;
}

}  // namespace walkback
