#include "cli/human.h"

#include <gtest/gtest.h>

namespace walkback::cli {
namespace {

TEST(Human, FieldsLineUp) {
  Fields fields;
  fields.add("backup", "20261122T154659Z-3f9a");
  fields.add("data directory", "/srv/copy\n/srv/copy.tablespaces");
  EXPECT_EQ(fields.text(),
            "  backup          20261122T154659Z-3f9a\n"
            "  data directory  /srv/copy\n"
            "                  /srv/copy.tablespaces\n");
}

TEST(Human, TablesLineUpWhateverTheAlphabet) {
  Table table({{"NAME"}, {"SIZE", true}, {"LABEL"}});
  table.row({"größe", "1.0 KiB", "x"});
  table.row({"b", "512 B"});
  EXPECT_EQ(table.text(),
            "  NAME      SIZE  LABEL\n"
            "  größe  1.0 KiB  x\n"
            "  b        512 B\n");
}

TEST(Human, ATerminalNeverActsOnForeignText) {
  EXPECT_EQ(printable("a\x1b[2Jb\nc\x7f"), "a?[2Jb?c?");
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m"),
            "??31m");
  EXPECT_EQ(printable("größe"), "größe");
}

}  // namespace
}  // namespace walkback::cli
