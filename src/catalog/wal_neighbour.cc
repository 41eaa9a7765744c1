#include "catalog/wal_neighbour.h"

#include "wal/page_header.h"

namespace walkback::catalog {

namespace {

// A recycled file under its name is found out by its pages: the first is read for that.
bool read_end(FileSystem& files, const std::string& path, uint64_t tail, MutableBytes out) {
  Result<std::unique_ptr<File>> file = files.open_read(path);
  if (!file.ok()) return false;
  const Result<uint64_t> size = (*file)->size();
  if (!size.ok() || *size != out.size() || tail > out.size()) return false;
  const auto fill = [&](uint64_t at, uint64_t count) {
    const Result<size_t> got = (*file)->read_at(at, out.subspan(at, count));
    return got.ok() && *got == count;
  };
  return fill(0, wal::kWalPageBytes) && fill(out.size() - tail, tail);
}

}  // namespace

WalArchive::Neighbour neighbour_in(const std::string& directory, FileSystem& files) {
  return [directory, &files](const std::string& name, uint64_t tail, MutableBytes out) {
    return read_end(files, directory.empty() ? name : join_path(directory, name), tail, out);
  };
}

}  // namespace walkback::catalog
