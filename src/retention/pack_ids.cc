#include "retention/pack_ids.h"

#include <fmt/format.h>

namespace walkback::retention {

std::optional<PackId> pack_id(std::string_view sort, std::string_view hex) {
  PackId id{};
  id[0] = sort == "packs" ? 'p' : 'm';
  if (hex.size() != 32) return std::nullopt;
  const auto digit = [](char c) { return c >= 'a' ? c - 'a' + 10 : c - '0'; };
  for (size_t i = 0; i < 16; ++i) {
    const char high = hex[2 * i], low = hex[2 * i + 1];
    const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    if (!is_hex(high) || !is_hex(low)) return std::nullopt;
    id[1 + i] = static_cast<char>(digit(high) * 16 + digit(low));
  }
  return id;
}

// "packs/abcdef…", as summaries name them.
Result<void> add_packs(const catalog::BackupSummary& backup, PackIds& ids) {
  for (const std::string& name : backup.packs) {
    const size_t slash = name.find('/');
    const auto id = slash == std::string::npos
                        ? std::nullopt
                        : pack_id(name.substr(0, slash), name.substr(slash + 1));
    if (!id) {
      return make_error(
          ErrorKind::kCorrupt,
          fmt::format("backup {} refers to \"{}\", which is no pack's name", backup.id.text, name));
    }
    ids.insert(*id);
  }
  return success();
}

}  // namespace walkback::retention
