// The pipeline alone, without server and command line: a directory into packs and out again.
//
//   copy_bench DIRECTORY REPOSITORY TARGET [WORKERS]
//
// REPOSITORY and TARGET do not exist yet. Every file counts as a relation with checksums when its
// name is a number, as in base/5/16384.1. Prints seconds and bytes; for a profiler, and for changes
// that the whole program's figures would drown.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/file_system.h"
#include "base/progress.h"
#include "base/random.h"
#include "pipeline/copy_in.h"
#include "pipeline/copy_out.h"
#include "store/file_store.h"

namespace {

using namespace walkback;

struct Cpu {
  double user = 0;
  double system = 0;
  long peak_kib = 0;
};

Cpu cpu_so_far() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return {seconds(usage.ru_utime), seconds(usage.ru_stime), usage.ru_maxrss};
}

class Stopwatch {
 public:
  void print(const char* what, uint64_t bytes) const {
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start_;
    const Cpu cpu = cpu_so_far();
    const double megabytes = static_cast<double>(bytes) * 1e-6;
    std::printf(
        "%-18s %6.2f s wall, %6.2f user + %5.2f system; %8.1f MB, %6.1f MB/s; peak %ld MiB\n", what,
        wall.count(), cpu.user - cpu_.user, cpu.system - cpu_.system, megabytes,
        megabytes / wall.count(), cpu.peak_kib / 1024);
    std::fflush(stdout);
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  Cpu cpu_ = cpu_so_far();
};

class DirectorySource final : public pipeline::FileSource {
 public:
  explicit DirectorySource(const std::string& root) : root_(root), walk_(root) {}

  Result<std::optional<pipeline::SourceFile>> next() override {
    while (walk_ != std::filesystem::recursive_directory_iterator() &&
           (!walk_->is_regular_file() ||
            walk_->path().string().find("/pg_wal/") != std::string::npos)) {
      ++walk_;
    }
    if (walk_ == std::filesystem::recursive_directory_iterator())
      return std::optional<pipeline::SourceFile>();
    pipeline::SourceFile file;
    file.path = walk_->path();
    file.name = std::filesystem::relative(walk_->path(), root_);
    file.mode = 0600;
    file.relation = relation(walk_->path());
    ++walk_;
    return std::optional(std::move(file));
  }

 private:
  static std::optional<pipeline::PageCheck> relation(const std::filesystem::path& path) {
    const std::string name = path.filename();
    char* end = nullptr;
    if (path.string().find("/base/") == std::string::npos ||
        std::strtoul(name.c_str(), &end, 10) == 0)
      return {};
    uint32_t segment = 0;
    if (*end == '.') segment = static_cast<uint32_t>(std::strtoul(end + 1, &end, 10));
    if (*end != 0) return {};
    return pipeline::PageCheck{segment * 131072, true};
  }

  std::filesystem::path root_;
  std::filesystem::recursive_directory_iterator walk_;
};

class Collector final : public pipeline::CopiedFileSink {
 public:
  Result<void> accept(pipeline::CopiedFile file) override {
    bad += file.bad_blocks.size();
    map_bytes += repo::encode_page_map(file.map).size();
    files.push_back({file.source.name, std::move(file.map)});
    return success();
  }
  struct Entry {
    std::string name;
    repo::PageMap map;
  };
  std::vector<Entry> files;
  size_t bad = 0;
  size_t map_bytes = 0;
};

class Targets final : public pipeline::TargetSource {
 public:
  Targets(std::vector<Collector::Entry>& files, const std::string& root)
      : files_(files), root_(root) {}
  Result<std::optional<pipeline::TargetFile>> next() override {
    if (next_ == files_.size()) return std::optional<pipeline::TargetFile>();
    Collector::Entry& entry = files_[next_++];
    const std::filesystem::path path = root_ / entry.name;
    std::filesystem::create_directories(path.parent_path());
    return std::optional(pipeline::TargetFile{path, entry.name, 0600, std::move(entry.map)});
  }

 private:
  std::vector<Collector::Entry>& files_;
  size_t next_ = 0;
  std::filesystem::path root_;
};

template <typename T>
T must(Result<T> result) {
  if (result.ok()) return std::move(result).value();
  std::fprintf(stderr, "error: %s\n", result.error().message.c_str());
  std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const std::string directory = argv[1];
  const std::string repository = argv[2];
  const std::string target = argv[3];
  const int workers = argc > 4 ? std::atoi(argv[4]) : 2;
  auto objects = must(store::open_file_store(system_files(), system_random(), repository));

  DirectorySource source(directory);
  Collector collector;
  pipeline::CopyInOptions options;
  options.workers = workers;
  options.pack_prefix = "packs";
  options.start_lsn = {uint64_t{1} << 40};
  Stopwatch in;
  const pipeline::CopyInResult copied =
      must(pipeline::copy_in(system_files(), *objects, system_clock(), system_random(), source,
                             collector, options, silent_progress(), {}));
  in.print("copy_in", copied.bytes_raw);
  std::printf("  %lu files, %.1f MB in %zu packs, maps %.2f MB, ratio %.3f, %zu bad blocks\n",
              static_cast<unsigned long>(copied.files),
              static_cast<double>(copied.bytes_stored) * 1e-6, copied.packs.size(),
              static_cast<double>(collector.map_bytes) * 1e-6,
              static_cast<double>(copied.bytes_raw) / static_cast<double>(copied.bytes_stored),
              collector.bad);

  Targets targets(collector.files, target);
  Stopwatch out;
  must(system_files().make_directory(target, 0700));
  const pipeline::CopyOutResult restored = must(pipeline::copy_out(
      system_files(), *objects, targets, {workers, "packs"}, silent_progress(), {}));
  out.print("copy_out", restored.bytes_written);
  auto synced = system_files().sync_file_system(target);
  out.print("copy_out and sync", restored.bytes_written);
  return synced.ok() ? 0 : 1;
}
