#include "find/table_pattern.h"

#include <gtest/gtest.h>

namespace walkback::find {
namespace {

RelationName name(std::string database, std::string schema, std::string table) {
  RelationName name;
  name.database = std::move(database);
  name.schema = std::move(schema);
  name.name = std::move(table);
  return name;
}
bool matches(std::string_view pattern, const RelationName& name) {
  const Result<TablePattern> parsed = TablePattern::parse(pattern);
  return parsed.ok() && parsed->matches(name);
}

TEST(TablePattern, HasOneToThreeParts) {
  const RelationName payments = name("shop", "public", "payments");
  EXPECT_TRUE(matches("payments", payments));
  EXPECT_TRUE(matches("public.payments", payments));
  EXPECT_TRUE(matches("shop.public.payments", payments));
  EXPECT_FALSE(matches("other.payments", payments));
  EXPECT_FALSE(matches("other.public.payments", payments));
  for (const char* bad : {"", ".", "a.", ".a", "a..b", "a.b.c.d", "\"a", "\"\""}) {
    EXPECT_FALSE(TablePattern::parse(bad).ok()) << bad;
  }
}

TEST(TablePattern, IsFoldedAsInSqlUnlessQuoted) {
  EXPECT_TRUE(matches("Payments", name("shop", "public", "payments")));
  EXPECT_FALSE(matches("Payments", name("shop", "public", "Payments")));
  EXPECT_TRUE(matches("PUBLIC.\"Payments\"", name("shop", "public", "Payments")));
  EXPECT_TRUE(matches("\"a.b\"", name("shop", "public", "a.b")));
  EXPECT_TRUE(matches("\"say \"\"hi\"\"\"", name("shop", "public", "say \"hi\"")));
}

TEST(TablePattern, MeansEveryNameThatTheTableHadAndItsPartitionedTables) {
  RelationName part = name("shop", "public", "orders_2026");
  part.also = {{"archive", "orders_old"}};
  part.partition_of = {{"public", "orders"}};
  EXPECT_TRUE(matches("orders_old", part));
  EXPECT_TRUE(matches("shop.archive.orders_old", part));
  EXPECT_TRUE(matches("orders", part));
  EXPECT_FALSE(matches("archive.orders", part));
}

catalog::NamedSchema schema(pg::Oid oid, std::string called) {
  return {oid, std::move(called), {{oid + 1, "payments", 1663, oid + 1, 'r', -1}}};
}

TEST(TablePattern, TwoPartsAreADatabaseWhereThatIsTheOnlyReading) {
  RelationNames names;
  names.add({{{5, "shop", 1663, {schema(2200, "public")}},
              {6, "both", 1663, {schema(2200, "public"), schema(16400, "archive")}},
              {7, "x", 1663, {schema(16500, "shop2")}}},
             {}},
            {});
  TablePattern shop = *TablePattern::parse("shop.payments");
  EXPECT_TRUE(shop.resolve(names).ok());
  EXPECT_TRUE(shop.matches(name("shop", "public", "payments")));
  TablePattern by_schema = *TablePattern::parse("shop2.payments");
  EXPECT_TRUE(by_schema.resolve(names).ok());
  EXPECT_TRUE(by_schema.matches(name("x", "shop2", "payments")));
  EXPECT_FALSE(by_schema.matches(name("shop2", "public", "payments")));
  TablePattern later = *TablePattern::parse("shop.made_later");
  EXPECT_TRUE(later.resolve(names).ok());
  EXPECT_TRUE(later.matches(name("shop", "public", "made_later")));
  EXPECT_FALSE(later.matches(name("both", "public", "made_later")));
  const Result<void> both = (*TablePattern::parse("both.payments")).resolve(names);
  ASSERT_FALSE(both.ok());
  EXPECT_NE(both.error().message.find("archive, public"), std::string::npos);
}

}  // namespace
}  // namespace walkback::find
