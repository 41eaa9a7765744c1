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

// src/include/access/nbtree.h: a posting list, of rows with the same key, says where it begins and
// how many there are where another entry has its row's place. Even unique indexes have some, of
// versions of one row.
constexpr uint16_t kIsPosting = 0x2000;     // BT_IS_POSTING
constexpr uint16_t kPostingCount = 0x0FFF;  // BT_OFFSET_MASK
constexpr size_t kPlaceBytes = 6;           // ItemPointerData
constexpr size_t kPostingOffsetBytes = 2;   // before the entry that goes into a posting list

struct Entry {
  RowPlace place;
  ByteView key;
};

RowPlace place_at(ByteView bytes, size_t at) {
  return {uint32_t{load<uint16_t>(bytes, at)} << 16 | load<uint16_t>(bytes, at + 2),
          load<uint16_t>(bytes, at + 4)};
}

// That of one row, the first of one or more in `bytes`.
std::optional<Entry> first_entry(ByteView bytes) {
  if (bytes.size() < kEntryHeaderBytes) return std::nullopt;
  const auto info = load<uint16_t>(bytes, kInfoAt);
  const size_t size = info & kSizeMask;
  if (size < kEntryHeaderBytes || size > bytes.size() || (info & kOtherUseOfPlace) != 0) {
    return std::nullopt;
  }
  return Entry{place_at(bytes, 0), bytes.subspan(kEntryHeaderBytes, size - kEntryHeaderBytes)};
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

// Of one row, or of each of a posting list.
void visit_rows(ByteView bytes, const OnEntry& visit) {
  if (const std::optional<Entry> entry = first_entry(bytes)) return visit(*entry);
  if (bytes.size() < kEntryHeaderBytes) return;
  const auto info = load<uint16_t>(bytes, kInfoAt);
  const size_t size = info & kSizeMask;
  const RowPlace list = place_at(bytes, 0);
  const size_t count = list.number & kPostingCount;
  const bool is_list = (info & kOtherUseOfPlace) != 0 && (list.number & kIsPosting) != 0;
  if (!is_list || size > bytes.size() || list.block < kEntryHeaderBytes || list.block > size ||
      count > (size - list.block) / kPlaceBytes) {
    return;
  }
  const ByteView key = bytes.subspan(kEntryHeaderBytes, list.block - kEntryHeaderBytes);
  for (size_t i = 0; i < count; ++i) {
    visit({place_at(bytes, list.block + i * kPlaceBytes), key});
  }
}

// All of a page that a split made: one after another, the last first (_bt_restore_page() in
// src/backend/access/nbtree/nbtxlog.c).
void visit_all(ByteView items, const OnEntry& visit) {
  while (items.size() >= kEntryHeaderBytes) {
    const size_t size = aligned(load<uint16_t>(items, kInfoAt) & kSizeMask);
    visit_rows(items, visit);
    if (size < kEntryHeaderBytes || size > items.size()) return;
    items = items.subspan(size);
  }
}

// The entry changes places with the last of the list that it goes into (_bt_swap_posting() in
// src/backend/access/nbtree/nbtdedup.c): logged as it was before, on a page's image as it is then.
void visit_into_posting(const BlockReference& block, uint16_t number, const OnEntry& visit) {
  if (block.data.size() >= kPostingOffsetBytes) {
    const std::optional<Entry> entry = first_entry(block.data.subspan(kPostingOffsetBytes));
    if (entry) visit(*entry);
    return;
  }
  const std::optional<ImagePage> page = block.image ? ImagePage::of(*block.image) : std::nullopt;
  const std::optional<ByteView> list = page && number > 1 ? page->item(number - 1) : std::nullopt;
  if (list) visit_rows(*list, visit);
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
    part.file = CatalogRowPart::File{reader.read<uint32_t>(), reader.read<uint32_t>()};
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
  // Where others' entries are beside the new one: of a row that is waited for.
  const auto take_awaited = [&](const Entry& entry) {
    const auto known =
        rows_.find({record.xid, decoded.blocks().front().relation.database, entry.place});
    if (known != rows_.end() && known->second) take(entry);
  };
  const BlockReference& page = decoded.blocks().front();
  const ByteView main = decoded.main_data();
  const uint8_t kind = record.info & kBtreeMask;
  const bool is_insert = kind == kBtreeInsertLeaf || kind == kBtreeInsertPosting;
  if (is_insert && main.size() < kInsertBytes) return row;
  if (kind == kBtreeInsertLeaf) visit_entered(page, load<uint16_t>(main, 0), take);
  if (kind == kBtreeInsertPosting) {
    visit_into_posting(page, load<uint16_t>(main, 0),
                       page.data.empty() ? OnEntry(take_awaited) : OnEntry(take));
  }
  const bool is_split = kind == kBtreeSplitLeft || kind == kBtreeSplitRight;
  const bool is_of_leaf =
      is_split && main.size() >= kSplitBytes && load<uint32_t>(main, kSplitLevelAt) == 0;
  if (!is_of_leaf) return row;
  if (kind == kBtreeSplitLeft) visit_entered(page, load<uint16_t>(main, kSplitNewItemAt), take);
  // One of them is new.
  if (kind == kBtreeSplitRight && decoded.blocks().size() > 1) {
    visit_all(decoded.blocks()[1].data, take_awaited);
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
