#include "pg/tablespace_map.h"

#include <gtest/gtest.h>

namespace walkback::pg {
namespace {

using Entries = std::vector<TablespaceMapEntry>;

TEST(TablespaceMap, AnOidAndAPathALine) {
  const Entries entries{{16384, "/srv/fast"}, {16385, "/srv/with space "}};
  EXPECT_EQ(format_tablespace_map(entries), "16384 /srv/fast\n16385 /srv/with space \n");
  EXPECT_EQ(parse_tablespace_map("16384 /srv/fast\n16385 /srv/with space \n").value(), entries);
  EXPECT_EQ(parse_tablespace_map("").value(), Entries{});
}

TEST(TablespaceMap, OddPathsSurvive) {
  const Entries entries{{1, "/a\\b\nc\rd\\"}, {2, "/\\\\"}};
  EXPECT_EQ(parse_tablespace_map(format_tablespace_map(entries)).value(), entries);
  EXPECT_EQ(format_tablespace_map({{1, "/a\nb"}}), "1 /a\\\nb\n");
}

TEST(TablespaceMap, RefusesWhatIsNoEntry) {
  for (const char* text : {"16384\n", "16384 \n", "x /srv\n", "0 /srv\n", "99999999999 /srv\n",
                           "16384 /srv", "16384 /srv\\\n", "16384/srv\n"}) {
    EXPECT_EQ(parse_tablespace_map(text).error().kind, ErrorKind::kInvalid) << text;
  }
}

}  // namespace
}  // namespace walkback::pg
