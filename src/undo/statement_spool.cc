#include "undo/statement_spool.h"

#include "base/bytes.h"

namespace walkback::undo {

Result<StatementSpool> StatementSpool::create(FileSystem& files, std::string path) {
  std::unique_ptr<File> file = TRY(files.create(path, 0600));
  TRY(files.remove(path));
  return StatementSpool(std::move(path), std::move(file));
}

// Its length, then itself.
Result<void> StatementSpool::add(std::string_view statement) {
  const uint64_t size = statement.size();
  std::string record(reinterpret_cast<const char*>(&size), sizeof size);
  record += statement;
  TRY(file_->write_at(end_, as_bytes(record)));
  end_ += record.size();
  return success();
}

Result<void> StatementSpool::visit(
    const std::function<Result<void>(const std::string& statement)>& take) const {
  std::string statement;
  for (uint64_t at = 0; at < end_;) {
    uint64_t size = 0;
    const auto read = [&](void* out, size_t bytes) -> Result<void> {
      const size_t got = TRY(file_->read_at(at, MutableBytes(static_cast<std::byte*>(out), bytes)));
      at += bytes;
      if (got == bytes) return success();
      return make_error(ErrorKind::kIo, path_ + " was changed by somebody else");
    };
    TRY(read(&size, sizeof size));
    if (size > end_ - at) return make_error(ErrorKind::kIo, path_ + " was changed");
    statement.resize(size);
    TRY(read(statement.data(), size));
    TRY(take(statement));
  }
  return success();
}

}  // namespace walkback::undo
