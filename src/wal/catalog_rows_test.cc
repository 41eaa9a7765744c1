#include "wal/catalog_rows.h"

#include <gmock/gmock.h>
#include <zstd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "wal/names.h"
#include "wal/segment_header.h"
#include "wal/segment_summary.h"

namespace walkback::wal {
namespace {

// src/wal/testdata: WAL that servers of each major wrote, with a schema, tables, an index and
// TOAST.
class CatalogRows : public testing::TestWithParam<int> {
 protected:
  static std::map<std::string, Bytes> segments(int major) {
    std::map<std::string, Bytes> found;
    const std::filesystem::path folder =
        std::filesystem::path(WALKBACK_TESTDATA) / std::to_string(major);
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (pg::wal_file_kind(entry.path().stem().string()) != pg::WalFileKind::kSegment) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string packed{std::istreambuf_iterator<char>(file), {}};
      Bytes bytes(ZSTD_getFrameContentSize(packed.data(), packed.size()));
      EXPECT_EQ(ZSTD_decompress(bytes.data(), bytes.size(), packed.data(), packed.size()),
                bytes.size());
      found[entry.path().stem().string()] = std::move(bytes);
    }
    return found;
  }
};

TEST_P(CatalogRows, NamesAndFilesOfWhatIsCreatedAndTruncatedAreRead) {
  std::map<std::string, CatalogRow> relations, databases;
  std::vector<CatalogRow> emptied;
  Bytes previous;
  for (const auto& [name, bytes] : segments(GetParam())) {
    const SegmentInfo info = inspect_segment(bytes).value();
    const auto segment = pg::SegmentName::parse(name, info.segment_bytes).value();
    const SegmentSummary summary =
        summarize_segment(segment, bytes, previous, {info.segment_bytes, {}, {}});
    for (const CatalogRow& row : summary.catalog_rows) {
      EXPECT_NE(row.xid, 0u);
      EXPECT_GE(row.oid, 1u);
      const bool is_database = row.of == CatalogRow::Of::kDatabase;
      EXPECT_EQ(row.database == 0, is_database) << row.name;
      (is_database ? databases : relations)[row.name] = row;
      if (row.name == "emptied") emptied.push_back(row);
    }
    previous = bytes;
  }
  // What tests/wal/make_wal.py creates.
  for (const char* table : {"payments", "emptied", "careless", "born_prepared"}) {
    ASSERT_TRUE(relations.contains(table)) << table;
    EXPECT_EQ(relations[table].kind, 'r') << table;
    EXPECT_EQ(relations[table].schema, 2200u) << table;
    EXPECT_EQ(relations[table].tablespace, 0u) << table;
    EXPECT_GE(relations[table].file, 16384u) << table;
  }
  EXPECT_EQ(relations.at("payments").oid, 16384u);
  EXPECT_EQ(relations.at("payments").file, 16384u);
  EXPECT_EQ(relations.at("pg_toast_16384").kind, 't');
  EXPECT_TRUE(databases.contains("copied"));
  // These came when the server compressed page images, with pglz but in 15.
  EXPECT_EQ(relations.at("counter").kind, 'S');
  EXPECT_EQ(relations.at("payments_note_idx").kind, 'i');
  // CREATE TABLE, and TRUNCATE, of whose update of the row only the difference is logged.
  ASSERT_EQ(emptied.size(), 2u);
  EXPECT_FALSE(emptied[0].is_update);
  EXPECT_TRUE(emptied[1].is_update);
  EXPECT_EQ(emptied[1].oid, emptied[0].oid);
  EXPECT_EQ(emptied[1].kind, 'r');
  EXPECT_GT(emptied[1].file, emptied[0].file);
  if (relations.contains("away")) {  // its segment is not kept of 16
    EXPECT_GE(relations["away"].tablespace, 16384u);
  }
}

INSTANTIATE_TEST_SUITE_P(Majors, CatalogRows, testing::Values(13, 14, 15, 16, 17, 18));

// Bytes that are no row are no name, and never read past their end.
TEST(CatalogRow, HostileBytesAreNoName) {
  constexpr RelationLocator kClass{1663, 5, 1259};
  for (size_t data_bytes = 0; data_bytes < 140; ++data_bytes) {
    for (const uint8_t fill : {0, 23, 24, 127, 255}) {
      Bytes bytes(kRecordHeaderBytes);
      const auto put = [&](auto value) {
        const auto* raw = reinterpret_cast<const std::byte*>(&value);
        bytes.insert(bytes.end(), raw, raw + sizeof value);
      };
      put(uint8_t{0});
      put(static_cast<uint8_t>(data_bytes > 0 ? 0x20 : 0));
      put(static_cast<uint16_t>(data_bytes));
      put(kClass);
      put(uint32_t{0});
      put(uint8_t{255});
      put(uint8_t{3});
      bytes.resize(bytes.size() + data_bytes, static_cast<std::byte>(fill));
      bytes.resize(bytes.size() + 3);
      const Record record{{1}, {2}, {}, 700, kHeapRmgr, kHeapInsert, bytes};
      DecodedRecord decoded;
      ASSERT_TRUE(decoded.decode(record, 15).ok());
      const std::optional<CatalogRow> row = read_catalog_row(record, decoded, kRelationCatalog, 15);
      const size_t whole = 5 + (fill == 24 ? 1 : fill == 127 ? 104 : 0) + 116;
      EXPECT_EQ(row.has_value(), fill >= 23 && fill < 255 && data_bytes >= whole)
          << data_bytes << " " << int{fill};
    }
  }
}

}  // namespace
}  // namespace walkback::wal
