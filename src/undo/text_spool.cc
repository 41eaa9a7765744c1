#include "undo/text_spool.h"

#include "base/bytes.h"

namespace walkback::undo {

Result<TextSpool> TextSpool::create(FileSystem& files, std::string path) {
  std::unique_ptr<File> file = TRY(files.create(path, 0600));
  TRY(files.remove(path));
  return TextSpool(std::move(path), std::move(file));
}

// Its length, then itself.
Result<void> TextSpool::add(std::string_view text) {
  const uint64_t size = text.size();
  std::string record(reinterpret_cast<const char*>(&size), sizeof size);
  record += text;
  TRY(file_->write_at(end_, as_bytes(record)));
  end_ += record.size();
  return success();
}

Result<void> TextSpool::read(uint64_t place, void* out, size_t bytes) const {
  const size_t got = TRY(file_->read_at(place, MutableBytes(static_cast<std::byte*>(out), bytes)));
  if (got == bytes) return success();
  return make_error(ErrorKind::kIo, path_ + " was changed by somebody else");
}

Result<std::string> TextSpool::at(uint64_t place) const {
  uint64_t size = 0;
  TRY(read(place, &size, sizeof size));
  if (size > end_ - place - sizeof size) return make_error(ErrorKind::kIo, path_ + " was changed");
  std::string text(size, '\0');
  TRY(read(place + sizeof size, text.data(), size));
  return text;
}

Result<void> TextSpool::visit(
    const std::function<Result<void>(const std::string& text)>& take) const {
  for (uint64_t place = 0; place < end_;) {
    const std::string text = TRY(at(place));
    place += sizeof(uint64_t) + text.size();
    TRY(take(text));
  }
  return success();
}

}  // namespace walkback::undo
