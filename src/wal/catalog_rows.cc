#include "wal/catalog_rows.h"

#include "base/bytes.h"
#include "wal/names.h"
#include "wal/page_image.h"

namespace walkback::wal {

namespace {

// src/include/access/heapam_xlog.h
constexpr size_t kInsertBytes = 3;  // xl_heap_insert: offnum, flags
constexpr size_t kUpdateBytes = 14;
constexpr size_t kUpdateFlagsAt = 7;
constexpr size_t kUpdateNewOffsetAt = 12;
constexpr uint8_t kUpdateOmitsPrefix = 1 << 5;  // XLH_UPDATE_PREFIX_FROM_OLD
constexpr uint8_t kUpdateOmitsSuffix = 1 << 6;  // XLH_UPDATE_SUFFIX_FROM_OLD
constexpr size_t kLoggedHeaderBytes = 5;        // xl_heap_header: infomask2, infomask, hoff
constexpr size_t kLoggedHoffAt = 4;

// src/include/access/htup_details.h
constexpr size_t kTupleHeaderBytes = 23;
constexpr size_t kHoffAt = 22;

// src/include/catalog/pg_class.h and its neighbours: columns that are never null stand at fixed
// places, the same from 13 on, but for a column that 18 put before relkind.
constexpr size_t kNameAt = 4;
constexpr size_t kNameBytes = 64;
constexpr size_t kSchemaAt = 68;
constexpr size_t kFileAt = 88;
constexpr size_t kTablespaceAt = 92;
size_t kind_at(int major) { return major >= 18 ? 119 : 115; }

// src/include/catalog/pg_database.h: datcollate and datctype moved behind datconnlimit in 15.
constexpr int32_t kInvalidDatabase = -2;  // DATCONNLIMIT_INVALID_DB
size_t connection_limit_at(int major) { return major >= 15 ? 80 : 208; }

// The columns of a row on a page.
std::optional<ByteView> row_on_page(const ImagePage& page, uint16_t number) {
  const std::optional<ByteView> tuple = page.item(number);
  if (!tuple || tuple->size() < kTupleHeaderBytes) return std::nullopt;
  const auto columns_at = load<uint8_t>(*tuple, kHoffAt);
  if (columns_at > tuple->size()) return std::nullopt;
  return tuple->subspan(columns_at);
}

bool is_update(const Record& record) {
  const uint8_t kind = record.info & kHeapMask;
  return kind == kHeapUpdate || kind == kHeapHotUpdate;
}
bool leaves_row(const Record& record) {
  return is_update(record) || (record.info & kHeapMask) == kHeapInsert;
}
bool is_long_enough(const Record& record, const DecodedRecord& decoded) {
  return decoded.main_data().size() >= (is_update(record) ? kUpdateBytes : kInsertBytes);
}
uint8_t update_flags(const DecodedRecord& decoded) {
  return load<uint8_t>(decoded.main_data(), kUpdateFlagsAt);
}

std::optional<ByteView> row_in_data(ByteView data) {
  if (data.size() < kLoggedHeaderBytes) return std::nullopt;
  const auto columns_at = load<uint8_t>(data, kLoggedHoffAt);
  if (columns_at < kTupleHeaderBytes) return std::nullopt;
  const size_t at = kLoggedHeaderBytes + columns_at - kTupleHeaderBytes;
  if (at > data.size()) return std::nullopt;
  return data.subspan(at);
}

// The columns of the row that the record leaves; a view of the record, or of `page`.
std::optional<ByteView> new_row(const Record& record, const DecodedRecord& decoded,
                                std::optional<ImagePage>& page) {
  if (!leaves_row(record) || !is_long_enough(record, decoded)) return std::nullopt;
  const BlockReference& block = decoded.blocks().front();
  if (!block.data.empty()) {
    const bool omits = is_update(record) &&
                       (update_flags(decoded) & (kUpdateOmitsPrefix | kUpdateOmitsSuffix)) != 0;
    return omits ? std::nullopt : row_in_data(block.data);
  }
  if (!block.image) return std::nullopt;
  page = ImagePage::of(*block.image);
  const std::optional<RowPlace> place = place_of_new_row(record, decoded);
  return page && place ? row_on_page(*page, place->number) : std::nullopt;
}

CatalogRow::Of kind_of(pg::Oid catalog) {
  if (catalog == kSchemaCatalog) return CatalogRow::Of::kSchema;
  return catalog == kDatabaseCatalog ? CatalogRow::Of::kDatabase : CatalogRow::Of::kRelation;
}

}  // namespace

std::optional<RowPlace> place_of_new_row(const Record& record, const DecodedRecord& decoded) {
  if (decoded.blocks().empty() || !leaves_row(record) || !is_long_enough(record, decoded)) {
    return std::nullopt;
  }
  return RowPlace{decoded.blocks().front().block,
                  load<uint16_t>(decoded.main_data(), is_update(record) ? kUpdateNewOffsetAt : 0)};
}

// log_heap_update() in src/backend/access/heap/heapam.c: the lengths of what is omitted, the
// header, the bitmap of nulls, and of the columns what lies between.
std::optional<char> logged_relation_kind(const Record& record, const DecodedRecord& decoded,
                                         int major) {
  if (decoded.blocks().empty() || !is_update(record) || !is_long_enough(record, decoded)) {
    return std::nullopt;
  }
  const uint8_t flags = update_flags(decoded);
  ByteReader reader(decoded.blocks().front().data);
  const size_t prefix = (flags & kUpdateOmitsPrefix) != 0 ? reader.read<uint16_t>() : 0;
  if ((flags & kUpdateOmitsSuffix) != 0) reader.skip(sizeof(uint16_t));
  const std::optional<ByteView> logged = row_in_data(reader.take(reader.remaining()));
  if (!logged || kind_at(major) < prefix || kind_at(major) - prefix >= logged->size()) {
    return std::nullopt;
  }
  return static_cast<char>(load<uint8_t>(*logged, kind_at(major) - prefix));
}

std::optional<CatalogRow> read_catalog_row(const Record& record, const DecodedRecord& decoded,
                                           pg::Oid catalog, int major) {
  if (record.rmgr != kHeapRmgr || decoded.blocks().empty()) return std::nullopt;
  std::optional<ImagePage> page;
  const std::optional<ByteView> row = new_row(record, decoded, page);
  if (!row) return std::nullopt;

  CatalogRow found;
  found.of = kind_of(catalog);
  const bool is_relation = found.of == CatalogRow::Of::kRelation;
  if (row->size() < (is_relation ? kind_at(major) + 1 : kNameAt + kNameBytes)) return std::nullopt;
  found.start = record.start;
  found.xid = record.xid;
  found.database = decoded.blocks().front().relation.database;
  found.oid = load<uint32_t>(*row, 0);
  const std::string_view name = as_text(row->subspan(kNameAt, kNameBytes));
  found.name = name.substr(0, name.find('\0'));
  if (!is_relation) return found;
  found.schema = load<uint32_t>(*row, kSchemaAt);
  found.file = load<uint32_t>(*row, kFileAt);
  found.tablespace = load<uint32_t>(*row, kTablespaceAt);
  found.kind = static_cast<char>(load<uint8_t>(*row, kind_at(major)));
  found.is_update = is_update(record);
  return found;
}

std::optional<pg::Oid> database_marked_invalid(const DecodedRecord& decoded, int major) {
  if (decoded.blocks().empty() || decoded.main_data().size() < 2) return std::nullopt;
  const BlockReference& block = decoded.blocks().front();
  if (block.relation.number != kDatabaseCatalog) return std::nullopt;
  std::optional<ImagePage> page;
  // The columns alone, without the row's header (xl_heap_inplace in heapam_xlog.h).
  std::optional<ByteView> row = block.data;
  if (block.data.empty()) {
    if (block.image) page = ImagePage::of(*block.image);
    row = page ? row_on_page(*page, load<uint16_t>(decoded.main_data(), 0)) : std::nullopt;
  }
  const size_t at = connection_limit_at(major);
  if (!row || row->size() < at + sizeof(int32_t)) return std::nullopt;
  if (load<int32_t>(*row, at) != kInvalidDatabase) return std::nullopt;
  return load<uint32_t>(*row, 0);
}

}  // namespace walkback::wal
