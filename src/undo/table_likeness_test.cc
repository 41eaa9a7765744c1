#include "undo/table_likeness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace walkback::undo {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Column column(int number, std::string name, std::string type = "integer") {
  Column made;
  made.number = number;
  made.name = std::move(name);
  made.type = std::move(type);
  return made;
}

TableShape table(std::vector<Column> columns, pg::Oid oid = 7) {
  TableShape shape;
  shape.name = {oid, "public.t", false};
  shape.columns = std::move(columns);
  return shape;
}

const TableShape kThen = table({column(1, "id"), column(2, "v", "text")});

TEST(TableLikeness, TheSameTableIsLikeItself) {
  EXPECT_EQ(why_unlike(kThen, kThen), "");
  EXPECT_THAT(differences(kThen, kThen), IsEmpty());
  EXPECT_THAT(uncompared(kThen, kThen), IsEmpty());
}

TEST(TableLikeness, ColumnsThatCameOrWentKeepNoRowOut) {
  const TableShape today = table({column(1, "id", "bigint"), column(3, "new")});
  EXPECT_EQ(why_unlike(table({column(1, "id"), column(2, "v"), column(4, "w")}),
                       table({column(1, "id", "bigint"), column(4, "w")})),
            "");
  EXPECT_THAT(differences(kThen, today),
              ElementsAre(HasSubstr("column id is bigint now"),
                          HasSubstr("column v was dropped since"), HasSubstr("column new is new")));
  EXPECT_THAT(uncompared(kThen, today),
              ElementsAre("not compared: column id is bigint now and was integer",
                          "column v is not compared: there is none today",
                          "column new is not compared: there was none then"));
}

TEST(TableLikeness, AValueOfACompositeTypeThatWasAlteredIsNotReadAsAnother) {
  TableShape then = table({column(1, "id"), column(2, "address", "public.address")});
  TableShape today = then;
  then.columns[1].attributes = "/1 street text, /2 town text";
  today.columns[1].attributes = "/1 street text, /3 zip text";
  EXPECT_EQ(why_unlike(then, today), "");
  EXPECT_THAT(differences(then, today),
              ElementsAre("public.t: column address is of the type public.address, which was "
                          "altered since: it is left as it is, or gets its default"));
  EXPECT_THAT(uncompared(then, today),
              ElementsAre("not compared: column address is of the type public.address, which was "
                          "altered since"));
}

TEST(TableLikeness, RowsDoNotBelongWhereTheyCouldBeTakenForOthers) {
  EXPECT_THAT(why_unlike(kThen, table({column(1, "id"), column(2, "w", "text")})),
              HasSubstr("its column v is called w since"));
  EXPECT_THAT(why_unlike(kThen, table({column(1, "x")}, 8)), HasSubstr("made again"));
  EXPECT_THAT(why_unlike(kThen, table({column(5, "x")})), HasSubstr("none of its columns"));
  EXPECT_THAT(
      why_unlike(kThen, table({column(1, "id"), column(2, "v", "text"), column(3, "undo_row")})),
      HasSubstr("undo_row"));
  TableShape deferrable = kThen;
  deferrable.deferrable = {"t_key"};
  EXPECT_THAT(why_unlike(kThen, deferrable), HasSubstr("DEFERRABLE constraint t_key"));
  TableShape partitioned = kThen;
  partitioned.name.partitioned = true;
  EXPECT_EQ(why_unlike(kThen, partitioned), "it is partitioned by now");
}

TEST(TableLikeness, AnotherTableOfItsNameIsSaid) {
  TableShape again = kThen;
  again.name.oid = 8;
  EXPECT_EQ(why_unlike(kThen, again), "");
  EXPECT_THAT(differences(kThen, again), ElementsAre("public.t was dropped since and made again"));
  TableShape renamed = kThen;
  renamed.name.quoted = "public.u";
  EXPECT_THAT(uncompared(kThen, renamed), ElementsAre("public.t is public.u now"));
}

}  // namespace
}  // namespace walkback::undo
