#include "wal/catalog_row_parts.h"

#include <algorithm>
#include <functional>

#include "wal/names.h"
#include "wal/page_image.h"

namespace walkback::wal {

namespace {

// src/include/access/nbtxlog.h
constexpr size_t kInsertBytes = 2;  // xl_btree_insert: offnum
constexpr size_t kSplitBytes = 10;  // xl_btree_split: level, firstrightoff, newitemoff, postingoff
constexpr size_t kSplitLevelAt = 0;
constexpr size_t kSplitNewItemAt = 6;

// src/include/access/itup.h: block (high half, low half) and line pointer of the row, t_info; the
// key stands behind it, aligned. There are no nulls in these indexes.
constexpr size_t kEntryHeaderBytes = 8;
constexpr size_t kInfoAt = 6;
constexpr uint16_t kSizeMask = 0x1FFF;
constexpr uint16_t kOtherUseOfPlace = 0x2000;  // INDEX_ALT_TID_MASK: a pivot, a posting list

struct Entry {
  RowPlace place;
  ByteView key;
};

// The first of one or more in `bytes`.
std::optional<Entry> first_entry(ByteView bytes) {
  if (bytes.size() < kEntryHeaderBytes) return std::nullopt;
  const auto info = load<uint16_t>(bytes, kInfoAt);
  const size_t size = info & kSizeMask;
  if (size < kEntryHeaderBytes || size > bytes.size() || (info & kOtherUseOfPlace) != 0) {
    return std::nullopt;
  }
  return Entry{{uint32_t{load<uint16_t>(bytes, 0)} << 16 | load<uint16_t>(bytes, 2),
                load<uint16_t>(bytes, 4)},
               bytes.subspan(kEntryHeaderBytes, size - kEntryHeaderBytes)};
}

size_t aligned(size_t bytes) { return (bytes + 7) / 8 * 8; }

using OnEntry = std::function<void(const Entry&)>;

// What the record enters is in its data, or on the page that it keeps an image of instead.
void visit_entered(const BlockReference& block, uint16_t number, const OnEntry& visit) {
  const std::optional<ImagePage> page =
      block.data.empty() && block.image ? ImagePage::of(*block.image) : std::nullopt;
  const std::optional<ByteView> item = page ? page->item(number) : block.data;
  const std::optional<Entry> entry = item ? first_entry(*item) : std::nullopt;
  if (entry) visit(*entry);
}

// All of a page that a split made: one after another, the last first (_bt_restore_page() in
// src/backend/access/nbtree/nbtxlog.c).
void visit_all(ByteView items, const OnEntry& visit) {
  while (items.size() >= kEntryHeaderBytes) {
    const size_t size = aligned(load<uint16_t>(items, kInfoAt) & kSizeMask);
    if (const std::optional<Entry> entry = first_entry(items)) visit(*entry);
    if (size < kEntryHeaderBytes || size > items.size()) return;
    items = items.subspan(size);
  }
}

// False where the key is not one of that index.
bool read_key(ByteView key, pg::Oid index, CatalogRowPart& part) {
  ByteReader reader(key);
  if (index == kRelationOidIndex) {
    part.oid = reader.read<uint32_t>();
  } else if (index == kRelationNameIndex) {
    // Of variable length: name_ops stores a cstring (src/include/catalog/pg_opclass.dat).
    const std::string_view name = as_text(key).substr(0, as_text(key).find('\0'));
    reader.skip((name.size() + 1 + 3) / 4 * 4);
    part.name = CatalogRowPart::Name{reader.read<uint32_t>(), std::string(name)};
  } else if (index == kRelationFileIndex) {
    part.file.emplace();
    part.file->tablespace = reader.read<uint32_t>();
    part.file->number = reader.read<uint32_t>();
  } else {
    return false;
  }
  return !reader.failed();
}

}  // namespace

void CatalogRowParts::is_whole(pg::Xid xid, pg::Oid database, RowPlace place) {
  rows_[{xid, database, place}] = std::nullopt;
}

std::optional<CatalogRow> CatalogRowParts::add(const CatalogRowPart& part) {
  const auto [at, is_new] = rows_.try_emplace({part.xid, part.database, part.place}, part);
  if (!at->second) return std::nullopt;
  CatalogRowPart& known = *at->second;
  if (part.oid) known.oid = part.oid;
  if (part.kind) known.kind = part.kind;
  if (part.name) known.name = part.name;
  if (part.file) known.file = part.file;
  if (!known.oid || !known.name || !known.file) return std::nullopt;
  const CatalogRow row{CatalogRow::Of::kRelation,
                       known.start,
                       known.xid,
                       known.database,
                       *known.oid,
                       known.name->name,
                       known.name->schema,
                       known.file->tablespace,
                       known.file->number,
                       known.kind.value_or('\0'),
                       true};
  at->second.reset();
  return row;
}

std::optional<CatalogRow> CatalogRowParts::add_entries(const Record& record,
                                                       const DecodedRecord& decoded,
                                                       pg::Oid index) {
  std::optional<CatalogRow> row;
  const auto take = [&](const Entry& entry) {
    CatalogRowPart part{record.start, record.xid, decoded.blocks().front().relation.database,
                        entry.place,  {},         {},
                        {},           {}};
    if (!read_key(entry.key, index, part)) return;
    if (std::optional<CatalogRow> whole = add(part)) row = std::move(whole);
  };
  const ByteView main = decoded.main_data();
  const uint8_t kind = record.info & kBtreeMask;
  if (kind == kBtreeInsertLeaf && main.size() >= kInsertBytes) {
    visit_entered(decoded.blocks().front(), load<uint16_t>(main, 0), take);
    return row;
  }
  const bool splits = kind == kBtreeSplitLeft || kind == kBtreeSplitRight;
  if (!splits || main.size() < kSplitBytes || load<uint32_t>(main, kSplitLevelAt) != 0) return row;
  if (kind == kBtreeSplitLeft) {
    visit_entered(decoded.blocks().front(), load<uint16_t>(main, kSplitNewItemAt), take);
  } else if (decoded.blocks().size() > 1) {
    // One of them is new: of a row that is waited for.
    visit_all(decoded.blocks()[1].data, [&](const Entry& entry) {
      const auto known =
          rows_.find({record.xid, decoded.blocks().front().relation.database, entry.place});
      if (known != rows_.end() && known->second) take(entry);
    });
  }
  return row;
}

void CatalogRowParts::forget(pg::Xid xid) {
  const auto first = rows_.lower_bound({xid, 0, {}});
  const auto last = xid == UINT32_MAX ? rows_.end() : rows_.lower_bound({xid + 1, 0, {}});
  rows_.erase(first, last);
}

std::vector<CatalogRowPart> CatalogRowParts::unfinished() const {
  std::vector<CatalogRowPart> parts;
  for (const auto& [key, part] : rows_) {
    if (part) parts.push_back(*part);
  }
  std::ranges::sort(parts, {}, &CatalogRowPart::start);
  return parts;
}

}  // namespace walkback::wal
