#include "pg/sql_text.h"

#include <gtest/gtest.h>

namespace walkback::pg {
namespace {

TEST(SqlText, AQuoteWithinALiteralIsDoubled) {
  EXPECT_EQ(quote_literal("transfer 7"), "'transfer 7'");
  EXPECT_EQ(quote_literal("it's"), "'it''s'");
  EXPECT_EQ(quote_literal(""), "''");
}

}  // namespace
}  // namespace walkback::pg
