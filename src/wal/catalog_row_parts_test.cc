#include "wal/catalog_row_parts.h"

#include <gmock/gmock.h>

#include <cstring>

#include "pg/testing/filenode_maps.h"
#include "wal/names.h"
#include "wal/segment_summary.h"
#include "wal/test_log.h"

namespace walkback::wal {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr pg::Oid kDatabase = 5;
constexpr pg::Xid kXid = 700;
constexpr RowPlace kPlace{65540, 7};

template <typename T>
void put(Bytes& bytes, const T& value) {
  const size_t end = bytes.size();
  bytes.resize(end + sizeof value);
  std::memcpy(bytes.data() + end, &value, sizeof value);
}

Bytes entry(RowPlace place, const Bytes& key) {
  Bytes bytes;
  put(bytes, static_cast<uint16_t>(place.block >> 16));
  put(bytes, static_cast<uint16_t>(place.block));
  put(bytes, place.number);
  const size_t size = (8 + key.size() + 7) / 8 * 8;
  put(bytes, static_cast<uint16_t>(size));
  bytes.insert(bytes.end(), key.begin(), key.end());
  bytes.resize(size);
  return bytes;
}
Bytes oid_key(pg::Oid oid) {
  Bytes key;
  put(key, oid);
  return key;
}
Bytes name_key(const std::string& name, pg::Oid schema) {
  Bytes key = to_bytes(as_bytes(name));
  key.resize((name.size() + 1 + 3) / 4 * 4);
  put(key, schema);
  return key;
}
Bytes file_key(pg::Oid tablespace, pg::Oid file) {
  Bytes key;
  put(key, tablespace);
  put(key, file);
  return key;
}

// The log of an update of pg_class as TRUNCATE makes it.
class RowParts : public testing::Test {
 protected:
  static RelationLocator of(pg::Oid relation) { return {1663, kDatabase, relation}; }

  // What differs begins with the file, column 88 of the row, and ends behind relkind.
  void updates(RowPlace place = kPlace, uint8_t kind = kHeapUpdate) {
    Bytes main(14), data;
    main[7] = std::byte{0x20 | 0x40};
    std::memcpy(main.data() + 12, &place.number, sizeof place.number);
    put(data, uint16_t{88});
    put(data, uint16_t{20});
    put(data, uint32_t{0});
    put(data, uint8_t{32});
    data.resize(data.size() + 32 - 23);
    Bytes columns(40);
    columns[115 - 88] = std::byte{'r'};
    data.insert(data.end(), columns.begin(), columns.end());
    log_.append_block(kHeapRmgr, kind, kXid, of(kRelationCatalog), place.block, main, data);
  }
  void enters(pg::Oid index, const Bytes& key, RowPlace place = kPlace, pg::Oid file = 0) {
    Bytes main;
    put(main, uint16_t{3});
    log_.append_block(kBtreeRmgr, kBtreeInsertLeaf, kXid, of(file == 0 ? index : file), 1, main,
                      entry(place, key));
  }
  void splits_left(pg::Oid index, const Bytes& key, uint32_t level = 0) {
    Bytes data = entry(kPlace, key);
    const Bytes high_key = entry({1, 1}, oid_key(99));
    data.insert(data.end(), high_key.begin(), high_key.end());
    log_.append_block(kBtreeRmgr, kBtreeSplitLeft, kXid, of(index), 1, split(level), data);
  }
  void splits_right(pg::Oid index, const Bytes& key) {
    Bytes items;
    for (const Bytes& item :
         {entry({1, 9}, oid_key(16999)), entry(kPlace, key), entry({1, 8}, oid_key(16000))}) {
      items.insert(items.end(), item.begin(), item.end());
    }
    log_.append_blocks(kBtreeRmgr, kBtreeSplitRight, kXid, of(index), {{1, {}}, {2, items}},
                       split(0));
  }
  static Bytes split(uint32_t level) {
    Bytes main;
    put(main, level);
    for (int i = 0; i < 3; ++i) put(main, uint16_t{2});
    return main;
  }
  void enters_all() {
    enters(kRelationOidIndex, oid_key(16384));
    enters(kRelationNameIndex, name_key("payments", 2200));
    enters(kRelationFileIndex, file_key(0, 16500));
  }

  // Of what was written since the last one.
  SegmentSummary summary(const CatalogFiles& catalogs = {}) {
    log_.switch_segment();
    const uint64_t number = log_.position().value / TestLog::kSegmentBytes - 1;
    const SegmentSummary summary =
        summarize_segment(log_.name(number), log_.segment(number), {},
                          {TestLog::kSegmentBytes, TestLog::kSystem, 15}, catalogs);
    EXPECT_EQ(summary.problem, "");
    return summary;
  }
  static CatalogRow payments(pg::Oid file, char kind = 'r') {
    return {CatalogRow::Of::kRelation,
            {},
            kXid,
            kDatabase,
            16384,
            "payments",
            2200,
            0,
            file,
            kind,
            true};
  }
  static std::vector<CatalogRow> without_start(std::vector<CatalogRow> rows) {
    for (CatalogRow& row : rows) row.start = {};
    return rows;
  }

  TestLog log_;
};

TEST_F(RowParts, AnUpdateThatLogsOnlyWhatDiffersIsReadFromItsIndexEntries) {
  updates();
  enters_all();
  const SegmentSummary found = summary();
  EXPECT_THAT(without_start(found.catalog_rows), ElementsAre(payments(16500)));
  EXPECT_THAT(found.catalog_row_parts, IsEmpty());
}

TEST_F(RowParts, ARowStandsWhereItsUpdateWas) {
  updates();
  updates({1, 1});
  enters(kRelationOidIndex, oid_key(16390), {1, 1});
  enters(kRelationNameIndex, name_key("other", 2200), {1, 1});
  enters(kRelationFileIndex, file_key(0, 16600), {1, 1});
  enters_all();
  const SegmentSummary found = summary();
  ASSERT_THAT(found.catalog_rows, SizeIs(2));
  EXPECT_EQ(found.catalog_rows[0].name, "payments");
  EXPECT_LT(found.catalog_rows[0].start, found.catalog_rows[1].start);
}

TEST_F(RowParts, EntriesOfPagesThatSplitAreFound) {
  updates();
  splits_left(kRelationOidIndex, oid_key(77), 1);  // a page above the leaves
  splits_left(kRelationOidIndex, oid_key(16384));
  enters(kRelationNameIndex, name_key("payments", 2200));
  splits_right(kRelationFileIndex, file_key(0, 16500));
  const SegmentSummary found = summary();
  EXPECT_THAT(without_start(found.catalog_rows), ElementsAre(payments(16500)));
}

TEST_F(RowParts, EntriesThatGoIntoPostingListsAreFound) {
  updates();
  enters(kRelationOidIndex, oid_key(16384));
  Bytes main, data;
  put(main, uint16_t{3});
  put(data, uint16_t{1});
  const Bytes name = entry(kPlace, name_key("payments", 2200));
  data.insert(data.end(), name.begin(), name.end());
  log_.append_block(kBtreeRmgr, kBtreeInsertPosting, kXid, of(kRelationNameIndex), 1, main, data);
  // And on the right page of a split, as one of a list.
  Bytes list = entry({16, 0x2000 | 2}, file_key(0, 16500));  // the places begin at 16
  for (const RowPlace place : {RowPlace{1, 1}, kPlace}) {
    const Bytes one = entry(place, {});
    list.insert(list.end(), one.begin(), one.begin() + 6);
  }
  list.resize(32);
  const uint16_t info = 0x2000 | 32;
  std::memcpy(list.data() + 6, &info, sizeof info);
  log_.append_blocks(kBtreeRmgr, kBtreeSplitRight, kXid, of(kRelationFileIndex),
                     {{1, {}}, {2, list}}, split(0));
  EXPECT_THAT(without_start(summary().catalog_rows), ElementsAre(payments(16500)));
}

TEST_F(RowParts, EntriesOfOtherFilesAndRowsAreNotTakenForIt) {
  updates();
  enters(kRelationOidIndex, oid_key(16384), {1, 1});
  enters(kRelationNameIndex, name_key("payments", 2200), kPlace, 16777);
  enters(kRelationFileIndex, file_key(0, 16500));
  const SegmentSummary found = summary();
  EXPECT_THAT(found.catalog_rows, IsEmpty());
  ASSERT_THAT(found.catalog_row_parts, SizeIs(2));
  EXPECT_EQ(found.catalog_row_parts[0].place, kPlace);
  EXPECT_EQ(found.catalog_row_parts[0].kind, 'r');
  EXPECT_EQ(found.catalog_row_parts[0].file, (CatalogRowPart::File{0, 16500}));
  EXPECT_EQ(found.catalog_row_parts[0].oid, std::nullopt);
  EXPECT_EQ(found.catalog_row_parts[1].oid, 16384u);
}

TEST_F(RowParts, ARowThatASegmentsEndCutsApartIsPutTogetherAgain) {
  updates();
  enters(kRelationOidIndex, oid_key(16384));
  const SegmentSummary first = summary();
  enters(kRelationNameIndex, name_key("payments", 2200));
  enters(kRelationFileIndex, file_key(0, 16500));
  const SegmentSummary second = summary();
  CatalogRowParts parts;
  std::vector<CatalogRow> rows;
  for (const SegmentSummary& segment : {first, second}) {
    EXPECT_THAT(segment.catalog_rows, IsEmpty());
    ASSERT_THAT(segment.catalog_row_parts, SizeIs(1));
    if (const auto row = parts.add(segment.catalog_row_parts[0])) rows.push_back(*row);
  }
  EXPECT_THAT(without_start(rows), ElementsAre(payments(16500)));
  EXPECT_EQ(rows[0].start, first.catalog_row_parts[0].start);
}

TEST_F(RowParts, CatalogsThatWereRewrittenAreFollowed) {
  const auto moved = [](pg::Oid relation, pg::Oid file) {
    return MovedCatalog{kDatabase, relation, file};
  };
  const CatalogFiles catalogs({moved(kRelationOidIndex, 16701), moved(kRelationNameIndex, 16702),
                               moved(kRelationFileIndex, 16703)});
  updates();
  enters(kRelationOidIndex, oid_key(16384), kPlace, 16701);
  enters(kRelationNameIndex, name_key("payments", 2200), kPlace, 16702);
  enters(kRelationFileIndex, file_key(0, 16500), kPlace, 16703);
  const SegmentSummary found = summary(catalogs);
  EXPECT_THAT(without_start(found.catalog_rows), ElementsAre(payments(16500)));
  EXPECT_EQ(found.moved_catalogs, catalogs.moved());
}

TEST_F(RowParts, ARewriteOfTheCatalogIsFollowedFromItsRecordOn) {
  const Bytes map = pg::make_filenode_map({{kRelationOidIndex, 16701}});
  Bytes update;
  put(update, kDatabase);
  put(update, pg::Oid{1663});
  put(update, static_cast<uint32_t>(map.size()));
  update.insert(update.end(), map.begin(), map.end());
  updates();
  enters(kRelationOidIndex, oid_key(99), kPlace, 16701);
  log_.append(kRelationMapRmgr, 0, kXid, update);
  enters(kRelationOidIndex, oid_key(16384), kPlace, 16701);
  enters(kRelationNameIndex, name_key("payments", 2200));
  enters(kRelationFileIndex, file_key(0, 16500));
  const SegmentSummary found = summary();
  EXPECT_THAT(without_start(found.catalog_rows), ElementsAre(payments(16500)));
  EXPECT_THAT(found.moved_catalogs, ElementsAre(MovedCatalog{kDatabase, kRelationOidIndex, 16701}));
}

TEST_F(RowParts, AreForgottenWithTheirTransaction) {
  CatalogRowParts parts;
  parts.add({{1}, 700, 5, {1, 1}, 16384, {}, {}, {}});
  parts.add({{2}, 701, 5, {1, 1}, 16385, {}, {}, {}});
  parts.add({{3}, UINT32_MAX, 5, {1, 1}, 16386, {}, {}, {}});
  parts.forget(700);
  parts.forget(UINT32_MAX);
  ASSERT_THAT(parts.unfinished(), SizeIs(1));
  EXPECT_EQ(parts.unfinished()[0].xid, 701u);
}

// Bytes that are no entries say nothing, and are never read past their end.
TEST_F(RowParts, HostileEntriesAreNone) {
  const Bytes good = entry(kPlace, oid_key(16384));
  for (const uint8_t kind :
       {kBtreeInsertLeaf, kBtreeInsertPosting, kBtreeSplitLeft, kBtreeSplitRight}) {
    for (size_t size = 1; size <= good.size(); ++size) {
      for (const uint8_t fill : {0, 7, 8, 16, 255}) {
        Bytes data(good.begin(), good.begin() + static_cast<ptrdiff_t>(size));
        data.back() = std::byte{fill};
        log_.append_blocks(kBtreeRmgr, kind, kXid, of(kRelationOidIndex), {{1, data}, {2, data}},
                           split(0));
      }
    }
  }
  EXPECT_THAT(summary().catalog_rows, IsEmpty());
}

}  // namespace
}  // namespace walkback::wal
