#include "find/relation_names.h"

#include <gmock/gmock.h>

namespace walkback::find {
namespace {

using wal::CatalogRow;
using wal::RelationLocator;

constexpr pg::Oid kShop = 16400;

// shop.public.payments with its TOAST table, and what the catalog itself has.
catalog::Names shop() {
  return {{{kShop,
            "shop",
            1663,
            {{11, "pg_catalog", {{1259, "pg_class", 1663, 1259, 'r', 400}}},
             {99, "pg_toast", {{16387, "pg_toast_16384", 1663, 16387, 't', -1}}},
             {2200, "public", {{16384, "payments", 1663, 16384, 'r', 500}}}}}},
          {}};
}
RelationLocator file(pg::Oid number, pg::Oid tablespace = 1663) {
  return {tablespace, kShop, number};
}
CatalogRow row(pg::Oid oid, std::string name, pg::Oid number, char kind = 'r') {
  return {CatalogRow::Of::kRelation, {1}, 700, kShop, oid, std::move(name), 2200, 0, number, kind};
}
std::string name_of(const RelationNames& names, const RelationLocator& locator) {
  const std::optional<RelationName> name = names.of(locator);
  return name ? name->database + "." + name->schema + "." + name->name : "";
}

TEST(RelationNames, WhatNobodyKnowsHasNone) {
  EXPECT_EQ(RelationNames().of(file(16384)), std::nullopt);
  EXPECT_EQ(RelationNames().database(16400), "database 16400");
}

TEST(RelationNames, AreThoseSaved) {
  RelationNames names;
  names.add(shop(), {});
  EXPECT_EQ(name_of(names, file(16384)), "shop.public.payments");
  EXPECT_EQ(names.of(file(16384))->rows, 500);
  EXPECT_FALSE(names.of(file(16384))->system);
  EXPECT_TRUE(names.of(file(1259))->system);
  EXPECT_EQ(names.of({1663, 1, 16384}), std::nullopt) << "another database's";
}

TEST(RelationNames, AToastTableIsItsTables) {
  RelationNames names;
  names.add(shop(), {});
  const RelationName toast = *names.of(file(16387));
  EXPECT_EQ(toast.name, "payments");
  EXPECT_EQ(toast.kind, 't');
  EXPECT_EQ(toast.oid, 16384u);
  EXPECT_EQ(toast.own_oid, 16387u);
}

TEST(RelationNames, AreAllThatATableHadAndThoseOfItsPartitionedTables) {
  catalog::Names later = shop();
  later.databases[0].schemas[2].relations = {{16384, "payments_2026", 1663, 16384, 'r', 500, 16390},
                                             {16390, "all_payments", 0, 0, 'p', -1, 0}};
  RelationNames names;
  names.add(shop(), {});
  names.add(later, {7});
  const RelationName name = *names.of(file(16384));
  EXPECT_EQ(name.name, "payments");
  EXPECT_EQ(name.also, (std::vector<SchemaAndName>{{"public", "payments_2026"}}));
  EXPECT_EQ(name.partition_of, (std::vector<SchemaAndName>{{"public", "all_payments"}}));
}

// The server knew the new name already when the WAL told it.
TEST(RelationNames, ARenamedTableIsNotAlsoCalledWhatItIsCalled) {
  catalog::Names later = shop();
  later.databases[0].schemas[2].relations[0].name = "payments_2026";
  RelationNames names;
  names.add(shop(), {});
  names.add(later, {7});
  names.see(row(16384, "payments_2026", 16384));
  const RelationName name = *names.of(file(16384));
  EXPECT_EQ(name.name, "payments_2026");
  EXPECT_EQ(name.also, (std::vector<SchemaAndName>{{"public", "payments"}}));
}

TEST(RelationNames, ATablesFirstFileHasItsNumber) {
  catalog::Names after_a_rewrite = shop();
  after_a_rewrite.databases[0].schemas[2].relations[0].file = 16500;
  RelationNames names;
  names.add(after_a_rewrite, {});
  EXPECT_EQ(name_of(names, file(16384)), "shop.public.payments");
}

TEST(RelationNames, WhatIsTrueNearestToTheWindowWins) {
  RelationNames names;
  names.add(shop(), {});
  catalog::Names later = shop();
  later.databases[0].schemas[2].relations[0].name = "renamed";
  later.databases[0].schemas[2].relations[0].file = 16500;
  names.add(later, {});
  EXPECT_EQ(name_of(names, file(16384)), "shop.public.payments");
  EXPECT_EQ(name_of(names, file(16500)), "shop.public.payments") << "its later file";
}

TEST(RelationNames, WalNamesWhatNoBackupSaw) {
  RelationNames names;
  names.add(shop(), {});
  names.see(row(16420, "brief", 16420));
  names.see({CatalogRow::Of::kSchema, {2}, 700, kShop, 16430, "billing"});
  CatalogRow other = row(16440, "invoices", 16440);
  other.schema = 16430;
  names.see(other);
  names.see({CatalogRow::Of::kDatabase, {3}, 700, 0, 16450, "warehouse"});
  EXPECT_EQ(name_of(names, file(16420)), "shop.public.brief");
  EXPECT_EQ(name_of(names, file(16440)), "shop.billing.invoices");
  EXPECT_EQ(names.database(16450), "warehouse");
}

TEST(RelationNames, AFileInTheDatabasesOwnTablespaceIsFoundThere) {
  RelationNames names;
  catalog::Names elsewhere = shop();
  elsewhere.databases[0].tablespace = 16999;
  names.add(elsewhere, {});
  names.see(row(16420, "brief", 16420));
  EXPECT_EQ(name_of(names, file(16420, 16999)), "shop.public.brief");
  EXPECT_EQ(names.of(file(16420, 1663)), std::nullopt);
}

TEST(RelationNames, FollowsARelationOverItsRewrites) {
  RelationNames names;
  names.add(shop(), {});
  names.rewritten(file(16384), file(16500));
  names.rewritten(file(16500), file(16501));
  EXPECT_EQ(name_of(names, file(16501)), "shop.public.payments");
  names.rewritten(file(16501), file(16384));  // a circle, of a number used again
  EXPECT_EQ(name_of(names, file(16500)), "shop.public.payments");
  EXPECT_EQ(names.of(file(16502)), std::nullopt);

  RelationNames backwards;  // known only as what it became
  backwards.rewritten(file(16300), file(16384));
  backwards.add(shop(), {});
  EXPECT_EQ(name_of(backwards, file(16300)), "shop.public.payments");
}

TEST(RelationNames, TheTemporaryHeapOfARewriteIsItsTables) {
  RelationNames names;
  names.add(shop(), {});
  names.see(row(16600, "pg_temp_16384", 16600));
  EXPECT_EQ(name_of(names, file(16600)), "shop.public.payments");
  EXPECT_TRUE(names.row_of(file(16600))->is_rewrite);
  names.see(row(16384, "payments", 16600));  // after the swap
  EXPECT_TRUE(names.row_of(file(16600))->is_rewrite);
  EXPECT_FALSE(names.row_of(file(16384)));
}

TEST(RelationNames, AFileThatARewriteLeftWasNotMadeByIt) {
  RelationNames names;
  names.add(shop(), {});
  CatalogRow truncated = row(16384, "payments", 16500);
  truncated.is_update = true;
  names.see(truncated);
  EXPECT_TRUE(names.row_of(file(16500))->is_later);
  EXPECT_FALSE(names.row_of(file(16500))->is_rewrite);
  names.see(row(16600, "pg_temp_16384", 16600));
  names.see(row(16384, "payments", 16600));
  CatalogRow left = row(16600, "pg_temp_16384", 16500);
  left.is_update = true;
  names.see(left);
  EXPECT_FALSE(names.row_of(file(16500))->is_rewrite);
  EXPECT_EQ(name_of(names, file(16500)), "shop.public.payments");
}

TEST(RelationNames, ARowWithoutAKindKeepsTheOneThatIsKnown) {
  RelationNames names;
  names.add(shop(), {});
  names.see(row(16384, "renamed", 16384, '\0'));
  EXPECT_EQ(names.of(file(16384))->kind, 'r');
  CatalogRow toast = row(17001, "pg_toast_17000", 17001, '\0');
  toast.schema = 99;
  names.see(toast);
  EXPECT_EQ(names.of(file(17001))->kind, 't');
  EXPECT_EQ(names.nature_of(file(17001)), RelationNames::Nature::kToast);
}

TEST(RelationNames, CatalogsThatWereRewrittenAreStillCatalogs) {
  RelationNames names;
  EXPECT_EQ(names.nature_of(file(16700)), RelationNames::Nature::kOther);
  names.add_catalogs({{kShop, wal::kRelationCatalog, 16700}});
  EXPECT_EQ(names.nature_of(file(16700)), RelationNames::Nature::kCatalog);
  EXPECT_EQ(names.catalog_in(file(16700)), wal::kRelationCatalog);
  const uint64_t version = names.version();
  names.add_catalogs({{kShop, wal::kRelationCatalog, 16700}});
  EXPECT_EQ(names.version(), version);
  names.add_catalogs({{kShop, wal::kRelationCatalog, 16800}});
  EXPECT_NE(names.version(), version) << "whoever looked before has to look again";
  EXPECT_EQ(names.nature_of(file(16800)), RelationNames::Nature::kCatalog);
  EXPECT_EQ(names.nature_of(file(16700)), RelationNames::Nature::kCatalog) << "it was";
}

TEST(RelationNames, ADatabaseThatMovedKeepsItsTables) {
  RelationNames names;
  names.add(shop(), {});
  EXPECT_EQ(names.of(file(16384, 16999)), std::nullopt);
  names.moved(kShop, 16999);
  EXPECT_EQ(name_of(names, file(16384, 16999)), "shop.public.payments");
  EXPECT_EQ(name_of(names, file(16384)), "shop.public.payments") << "before it";
  EXPECT_EQ(names.of(file(16384, 17000)), std::nullopt) << "no default of the database";
  names.see(row(16420, "brief", 16420));
  EXPECT_EQ(name_of(names, file(16420, 16999)), "shop.public.brief");

  RelationNames moved_before;  // the window: only the server says so
  catalog::Names later = shop();
  later.databases[0].tablespace = 16999;
  later.databases[0].schemas.pop_back();
  moved_before.add(shop(), {});
  moved_before.rewritten(file(16384), file(16500));
  moved_before.add(later, {7});
  EXPECT_EQ(name_of(moved_before, file(16500, 16999)), "shop.public.payments");
}

TEST(RelationNames, AreTextWhateverTheDatabasesEncoding) {
  RelationNames names;
  names.see(row(16420, "caf\xE9", 16420));
  EXPECT_EQ(names.of(file(16420))->name, "caf\\xE9");
  catalog::Names said = shop();
  said.databases[0].schemas[2].relations[0].name = "caf\u00E9";
  names.add(said, {});
  names.see(row(16384, "caf\xE9", 16384));
  EXPECT_EQ(names.of(file(16384))->name, "caf\u00E9") << "it can be the same";
  EXPECT_THAT(names.of(file(16384))->also, testing::IsEmpty());
  names.see(row(16384, "caf", 16384));
  names.see(row(16384, "caf\xE9", 16384));
  EXPECT_EQ(names.of(file(16384))->name, "caf\\xE9") << "it was not the same";
  names.see(row(16384, "th\xE9", 16384));
  EXPECT_EQ(names.of(file(16384))->name, "th\\xE9");
  said.databases[0].schemas[2].relations[0] = {16500, "a\xFF", 1663, 16500, 'r', 1};
  names.add(said, {});
  EXPECT_EQ(names.of(file(16500))->name, "a\\xFF");
}

TEST(RelationNames, TheToastTableOfARewritesHeapIsItsTables) {
  RelationNames names;
  names.add(shop(), {});
  names.see(row(16600, "pg_temp_16384", 16600));
  CatalogRow toast = row(16603, "pg_toast_16600", 16603, 't'), index = toast;
  toast.schema = 99;
  index = row(16604, "pg_toast_16600_index", 16604, 'i');
  index.schema = 99;
  names.see(toast);
  names.see(index);
  EXPECT_EQ(names.of(file(16603))->oid, 16384u);
  EXPECT_EQ(names.of(file(16604))->oid, 16384u);
  EXPECT_EQ(names.of(file(16604))->kind, 'i');
}

}  // namespace
}  // namespace walkback::find
