#include "restore/unfinished.h"

#include <fmt/format.h>

#include "base/whole_number.h"
#include "pg/configuration.h"

namespace walkback::restore {

namespace {

constexpr std::string_view kMark = "walkback.unfinished.conf";
constexpr std::string_view kSystemIdentifier = "system_identifier";
constexpr std::string_view kKept = "kept_directory";
constexpr uint32_t kMode = 0600;

}  // namespace

std::string mark_path(const std::string& data_directory) {
  return join_path(data_directory, kMark);
}

Result<void> write_mark(FileSystem& files, const std::string& data_directory,
                        const UnfinishedMark& mark) {
  pg::Configuration text;
  text.append_comment("A recovery by walkback is writing here, or was ended before it was done.");
  text.append_comment("`walkback recover --delta` goes on with it. PostgreSQL does not read this.");
  text.append(kSystemIdentifier, std::to_string(mark.system_identifier.value));
  if (!mark.kept_directory.empty()) text.append(kKept, mark.kept_directory);
  return replace_file(files, mark_path(data_directory), as_bytes(text.text()), kMode);
}

Result<std::optional<UnfinishedMark>> read_mark(FileSystem& files,
                                                const std::string& data_directory) {
  const std::string path = mark_path(data_directory);
  Result<Bytes> read = read_file(files, path, 1 << 16);
  if (!read.ok() && read.error().kind == ErrorKind::kMissing) {
    return std::optional<UnfinishedMark>();
  }
  const Bytes bytes = TRY(std::move(read));
  const pg::Configuration text = pg::Configuration::parse(as_text(bytes));
  UnfinishedMark mark;
  const std::string identifier = text.value(kSystemIdentifier).value_or("");
  const auto number = whole_number<uint64_t>(identifier);
  if (!number) {
    return make_error(ErrorKind::kCorrupt,
                      fmt::format("{} does not say of which cluster the directory is", path));
  }
  mark.system_identifier = {*number};
  mark.kept_directory = text.value(kKept).value_or("");
  return std::optional(std::move(mark));
}

Result<void> remove_mark(FileSystem& files, const std::string& data_directory) {
  TRY(files.remove(mark_path(data_directory)));
  return files.sync_directory(data_directory);
}

}  // namespace walkback::restore
