#include "pg/roles.h"

#include <algorithm>
#include <optional>

#include "pg/page.h"

namespace walkback::pg {

namespace {

// src/include/storage/bufpage.h, itemid.h
constexpr size_t kPageHeaderBytes = 24;
constexpr size_t kLowerAt = 12;  // pd_lower: behind the last line pointer
constexpr size_t kLinePointerBytes = 4;
constexpr uint32_t kNormal = 1;  // LP_NORMAL

// src/include/access/htup_details.h
constexpr size_t kTupleHeaderBytes = 23;
constexpr size_t kInfomaskAt = 20;
constexpr size_t kDataOffsetAt = 22;            // t_hoff
constexpr uint16_t kNobodyReplacedIt = 0x0800;  // HEAP_XMAX_INVALID
constexpr size_t kReplacedByAt = 4;             // t_xmax

constexpr size_t kNameBytes = 64;  // NAMEDATALEN

std::optional<Role> read_role(ByteView tuple) {
  if (tuple.size() < kTupleHeaderBytes) return std::nullopt;
  const size_t data_at = load<uint8_t>(tuple, kDataOffsetAt);
  if (data_at < kTupleHeaderBytes || data_at > tuple.size()) return std::nullopt;
  ByteReader reader(tuple.subspan(data_at));
  Role role;
  role.oid = reader.read<uint32_t>();
  const std::string_view name = as_text(reader.take(kNameBytes));
  role.name = name.substr(0, name.find('\0'));
  role.superuser = reader.read<uint8_t>() == 1;
  reader.skip(3);  // rolinherit, rolcreaterole, rolcreatedb
  role.may_log_in = reader.read<uint8_t>() == 1;
  if (reader.failed() || role.name.empty() || role.name.size() == kNameBytes) return std::nullopt;
  role.replaced = load<uint32_t>(tuple, kReplacedByAt) != 0 &&
                  (load<uint16_t>(tuple, kInfomaskAt) & kNobodyReplacedIt) == 0;
  return role;
}

}  // namespace

std::vector<Role> roles_on_page(ByteView page) {
  std::vector<Role> roles;
  if (page.size() != kPageBytes) return roles;
  const size_t lower = std::min<size_t>(load<uint16_t>(page, kLowerAt), kPageBytes);
  for (size_t at = kPageHeaderBytes; at + kLinePointerBytes <= lower; at += kLinePointerBytes) {
    // lp_off: 15 bits, lp_flags: 2, lp_len: 15
    const auto pointer = load<uint32_t>(page, at);
    const size_t offset = pointer & 0x7FFF;
    const size_t length = pointer >> 17;
    if (((pointer >> 15) & 3) != kNormal || offset + length > page.size()) continue;
    if (std::optional<Role> role = read_role(page.subspan(offset, length))) {
      roles.push_back(*std::move(role));
    }
  }
  return roles;
}

}  // namespace walkback::pg
