#include "pg/filenode_map.h"

#include <gmock/gmock.h>

#include "pg/testing/filenode_maps.h"

namespace walkback::pg {
namespace {

using testing::ElementsAre;

TEST(FilenodeMap, SaysWhichFileARelationIsIn) {
  for (const bool is_15 : {true, false}) {
    const Bytes bytes = make_filenode_map({{1262, 1262}, {1260, 16400}}, is_15);
    const auto map = parse_filenode_map(bytes).value();
    EXPECT_THAT(map, ElementsAre(MappedFile{1262, 1262}, MappedFile{1260, 16400}));
    EXPECT_EQ(file_of(map, 1260), 16400u);
    EXPECT_EQ(file_of(map, 1), std::nullopt);
  }
  EXPECT_EQ(parse_filenode_map(make_filenode_map(std::vector<MappedFile>(62), true)).value().size(),
            62u);
  EXPECT_EQ(
      parse_filenode_map(make_filenode_map(std::vector<MappedFile>(64), false)).value().size(),
      64u);
}

TEST(FilenodeMap, OtherBytesAreNone) {
  const Bytes good = make_filenode_map({{1262, 1262}, {1260, 16400}}, true);
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(parse_filenode_map(ByteView(good).first(size)).error().kind, ErrorKind::kCorrupt);
  }
  for (size_t at = 0; at < 508; ++at) {
    Bytes damaged = good;
    damaged[at] ^= std::byte{1};
    EXPECT_FALSE(parse_filenode_map(damaged).ok()) << at;
  }
  Bytes too_many = good;
  too_many[4] = std::byte{63};
  const uint32_t crc = crc32c(ByteView(too_many).first(504));
  std::memcpy(too_many.data() + 504, &crc, sizeof crc);
  EXPECT_FALSE(parse_filenode_map(too_many).ok());
}

}  // namespace
}  // namespace walkback::pg
