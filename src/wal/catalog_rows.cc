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
constexpr uint8_t kUpdateOmitsOldBytes = 0x40 | 0x80;  // XLH_UPDATE_PREFIX_…, SUFFIX_FROM_OLD
constexpr size_t kLoggedHeaderBytes = 5;               // xl_heap_header: infomask2, infomask, hoff
constexpr size_t kLoggedHoffAt = 4;

// src/include/access/htup_details.h, src/include/storage/bufpage.h, itemid.h
constexpr size_t kTupleHeaderBytes = 23;
constexpr size_t kHoffAt = 22;
constexpr size_t kPageHeaderBytes = 24;
constexpr uint32_t kItemNormal = 1;

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

// A page from its image: the hole in the middle is not stored.
class ImagePage {
 public:
  static std::optional<ImagePage> of(const BlockImage& image) {
    ImagePage page(image);
    if (image.compression == ImageCompression::kNone) return page;
    std::optional<Bytes> unpacked = decompress_image(image);
    if (!unpacked) return std::nullopt;
    page.unpacked_ = *std::move(unpacked);
    page.image_.bytes = page.unpacked_;
    return page;
  }

  std::optional<ByteView> bytes(size_t at, size_t count) const {
    const bool before = at + count <= image_.hole_offset;
    const size_t hole_end = size_t{image_.hole_offset} + image_.hole_bytes;
    if (!before && at < hole_end) return std::nullopt;
    const size_t stored = before ? at : at - image_.hole_bytes;
    if (stored > image_.bytes.size() || count > image_.bytes.size() - stored) return std::nullopt;
    return image_.bytes.subspan(stored, count);
  }
  // The columns of the row behind line pointer `number`, which counts from 1.
  std::optional<ByteView> row(uint16_t number) const {
    if (number == 0) return std::nullopt;
    const auto pointer = bytes(kPageHeaderBytes + size_t{number - 1u} * 4, 4);
    if (!pointer) return std::nullopt;
    const auto item = load<uint32_t>(*pointer, 0);  // lp_off:15, lp_flags:2, lp_len:15
    if ((item >> 15 & 3) != kItemNormal) return std::nullopt;
    const auto tuple = bytes(item & 0x7FFF, item >> 17);
    if (!tuple || tuple->size() < kTupleHeaderBytes) return std::nullopt;
    const auto columns_at = load<uint8_t>(*tuple, kHoffAt);
    if (columns_at > tuple->size()) return std::nullopt;
    return tuple->subspan(columns_at);
  }

 private:
  explicit ImagePage(const BlockImage& image) : image_(image) {}

  BlockImage image_;
  Bytes unpacked_;  // what image_ views, where it was compressed: moving keeps its place
};

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
  const ByteView main = decoded.main_data();
  const BlockReference& block = decoded.blocks().front();
  const uint8_t kind = record.info & kHeapMask;
  const bool inserts = kind == kHeapInsert;
  if (!inserts && kind != kHeapUpdate && kind != kHeapHotUpdate) return std::nullopt;
  if (main.size() < (inserts ? kInsertBytes : kUpdateBytes)) return std::nullopt;
  if (!block.data.empty()) {
    const bool omits =
        !inserts && (load<uint8_t>(main, kUpdateFlagsAt) & kUpdateOmitsOldBytes) != 0;
    return omits ? std::nullopt : row_in_data(block.data);
  }
  if (!block.image) return std::nullopt;
  page = ImagePage::of(*block.image);
  if (!page) return std::nullopt;
  return page->row(load<uint16_t>(main, inserts ? 0 : kUpdateNewOffsetAt));
}

CatalogRow::Of catalog_of(pg::Oid number) {
  if (number == kSchemaCatalog) return CatalogRow::Of::kSchema;
  return number == kDatabaseCatalog ? CatalogRow::Of::kDatabase : CatalogRow::Of::kRelation;
}

}  // namespace

std::optional<CatalogRow> read_catalog_row(const Record& record, const DecodedRecord& decoded,
                                           int major) {
  if (record.rmgr != kHeapRmgr || decoded.blocks().empty()) return std::nullopt;
  const RelationLocator& relation = decoded.blocks().front().relation;
  if (!is_named_catalog(relation)) return std::nullopt;
  std::optional<ImagePage> page;
  const std::optional<ByteView> row = new_row(record, decoded, page);
  if (!row) return std::nullopt;

  CatalogRow found;
  found.of = catalog_of(relation.number);
  const bool is_relation = found.of == CatalogRow::Of::kRelation;
  if (row->size() < (is_relation ? kind_at(major) + 1 : kNameAt + kNameBytes)) return std::nullopt;
  found.start = record.start;
  found.xid = record.xid;
  found.database = relation.database;
  found.oid = load<uint32_t>(*row, 0);
  const std::string_view name = as_text(row->subspan(kNameAt, kNameBytes));
  found.name = name.substr(0, name.find('\0'));
  if (!is_relation) return found;
  found.schema = load<uint32_t>(*row, kSchemaAt);
  found.file = load<uint32_t>(*row, kFileAt);
  found.tablespace = load<uint32_t>(*row, kTablespaceAt);
  found.kind = static_cast<char>(load<uint8_t>(*row, kind_at(major)));
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
    row = page ? page->row(load<uint16_t>(decoded.main_data(), 0)) : std::nullopt;
  }
  const size_t at = connection_limit_at(major);
  if (!row || row->size() < at + sizeof(int32_t)) return std::nullopt;
  if (load<int32_t>(*row, at) != kInvalidDatabase) return std::nullopt;
  return load<uint32_t>(*row, 0);
}

}  // namespace walkback::wal
