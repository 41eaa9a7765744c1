#include "pg/sql_text.h"

#include <gtest/gtest.h>

namespace walkback::pg {
namespace {

TEST(SqlText, AQuoteWithinALiteralIsDoubled) {
  EXPECT_EQ(quote_literal("transfer 7"), "'transfer 7'");
  EXPECT_EQ(quote_literal("it's"), "'it''s'");
  EXPECT_EQ(quote_literal(""), "''");
}

TEST(SqlText, ANameIsQuotedWhereSqlWouldReadAnother) {
  EXPECT_EQ(quote_identifier("payments_2$"), "payments_2$");
  EXPECT_EQ(quote_identifier("Payments"), "\"Payments\"");
  EXPECT_EQ(quote_identifier("2nd"), "\"2nd\"");
  EXPECT_EQ(quote_identifier("a\"b.c"), "\"a\"\"b.c\"");
  EXPECT_EQ(quote_identifier(""), "\"\"");
}

}  // namespace
}  // namespace walkback::pg
