// What a transaction did to tables as a whole: drops, truncations, rewrites, moves, renames.
#include <gmock/gmock.h>

#include "find/testing/indexed_segment.h"

namespace walkback::find {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(Transactions, ADropIsNoTruncation) {
  const auto found = find({Segment(1).commits_and_drops(700, 10, {kPayments})});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].files[0].fate, FileFate::kDropped);
}

TEST_F(Transactions, ATruncationGivesTheTableANewFile) {
  const wal::RelationLocator new_payments{1663, 5, 16500}, new_ledger{1663, 5, 16501};
  const auto found = find({Segment(1)
                               .works(699, {{kPayments, {.inserted = 40}}})
                               .commits(699, 5)
                               .creates(700, new_payments)
                               .creates(700, new_ledger)
                               .commits_and_drops(700, 10, {kLedger, kPayments})});
  ASSERT_FALSE(found.empty());
  const FoundTransaction& truncation = found[0];
  ASSERT_THAT(truncation.files, SizeIs(2));
  EXPECT_EQ(truncation.files[0].file, kPayments);
  EXPECT_EQ(truncation.files[0].fate, FileFate::kTruncated);
  EXPECT_EQ(truncation.files[0].rows_gone, 40);
  EXPECT_EQ(truncation.files[1].fate, FileFate::kTruncated);
  names_.see({wal::CatalogRow::Of::kRelation, {1}, 600, 5, 16384, "payments", 2200, 0, 16384, 'r'});
  EXPECT_EQ(names_.of(new_payments)->name, "payments");
  EXPECT_EQ(names_.of(new_ledger), std::nullopt);
}

TEST_F(Transactions, RowsDeletedBeforeTheDropAreCountedOnce) {
  const auto found = find({Segment(1)
                               .works(699, {{kPayments, {.inserted = 40}}})
                               .creates(699, kPayments)
                               .commits(699, 5)
                               .works(700, {{kPayments, {.deleted = 30}}})
                               .commits_and_drops(700, 10, {kPayments})});
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0].xid, 700u);
  EXPECT_EQ(found[0].files[0].rows.deleted, 30);
  EXPECT_EQ(found[0].files[0].rows_gone, 10);
}

// What statistics say at a backup, with what came and went since then, and not before.
TEST_F(Transactions, RowsGoneAreThoseThatWereThere) {
  const auto names_at = [&](int64_t rows, pg::Lsn at) {
    names_ = RelationNames();
    names_.add(
        {{{5, "shop", 1663, {{2200, "public", {{16384, "payments", 1663, 16384, 'r', rows}}}}}},
         {}},
        at);
  };
  const auto before = Segment(1).works(700, {{kPayments, {.inserted = 5000}}}).commits(700, 10);
  const auto after = Segment(2)
                         .works(701, {{kPayments, {.deleted = 111}}})
                         .commits(701, 20)
                         .commits_and_drops(702, 30, {kPayments});
  const auto rows_gone = [&](std::vector<Segment> segments) {
    for (const FoundTransaction& found : find(segments)) {
      if (found.xid == 702) return found.files.at(0).rows_gone;
    }
    ADD_FAILURE() << "the loss was not found";
    return int64_t{-2};
  };
  names_at(5000, {uint64_t{2} << 24});
  EXPECT_EQ(rows_gone({before, after}), 4889) << "looked up between the two";
  names_at(7000, {5});
  EXPECT_EQ(rows_gone({before, after}), 11'889) << "looked up before";
  names_at(20, {UINT64_MAX});
  EXPECT_EQ(rows_gone({before, after}), 4889) << "the server says what is there now: no help";
  EXPECT_EQ(rows_gone({after}), -1) << "nobody knows";
  names_at(-1, {5});
  EXPECT_EQ(rows_gone({Segment(0).creates(699, kPayments).commits(699, 5), before, after}), 4889);
  EXPECT_EQ(rows_gone({Segment(1)
                           .creates(700, kPayments)
                           .works(700, {{kPayments, {.inserted = 9}}})
                           .commits(700, 10)
                           .works(701, {{kPayments, {.deleted = 9}}})
                           .commits(701, 20)
                           .commits_and_drops(702, 30, {kPayments})}),
            0)
      << "it was empty, and that is known";
}

TEST_F(Transactions, RowsAreCountedOverARewrite) {
  const wal::RelationLocator rewritten{1663, 5, 16500};
  names_.see({wal::CatalogRow::Of::kRelation, {1}, 600, 5, 16384, "payments", 2200, 0, 16384, 'r'});
  names_.see(
      {wal::CatalogRow::Of::kRelation, {1}, 600, 5, 16500, "pg_temp_16384", 2200, 0, 16500, 'r'});
  const auto found = find({Segment(1)
                               .creates(699, kPayments)
                               .works(699, {{kPayments, {.inserted = 40}}})
                               .commits(699, 5)
                               .creates(700, rewritten)
                               .works(700, {{rewritten, {.inserted = 40}}})
                               .commits_and_drops(700, 10, {kPayments})
                               .works(701, {{rewritten, {.deleted = 3}}})
                               .commits(701, 20)
                               .commits_and_drops(702, 30, {rewritten})});
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0].xid, 702u);
  EXPECT_EQ(found[0].files[0].rows_gone, 37);
}

// ALTER TABLE … TYPE … USING 0 and VACUUM FULL write the same but for pg_attribute.
TEST_F(Transactions, ARewriteThatChangedColumnsIsShownAndOthersAreNot) {
  const wal::RelationLocator rewritten{1663, 5, 16500}, columns{1663, 5, 1249};
  const auto row = [](std::string name, pg::Oid file) {
    return wal::CatalogRow{
        wal::CatalogRow::Of::kRelation, {1}, 600, 5, file, std::move(name), 2200, 0, file, 'r'};
  };
  names_.see(row("payments", 16384));
  names_.see(row("pg_temp_16384", 16500));
  for (const int64_t updated : {0, 1}) {
    const auto found = find({Segment(1)
                                 .creates(700, rewritten)
                                 .works(700, {{columns, {.inserted = 3, .updated = updated}},
                                              {rewritten, {.inserted = 40}}})
                                 .commits_and_drops(700, 10, {kPayments})});
    if (updated == 0) {
      EXPECT_THAT(found, IsEmpty());
      continue;
    }
    ASSERT_THAT(found, SizeIs(1));
    const auto file = std::ranges::find(found[0].files, kPayments, &TouchedFile::file);
    ASSERT_NE(file, found[0].files.end());
    EXPECT_EQ(file->fate, FileFate::kAltered);
    EXPECT_EQ(file->rows_gone, 40);
  }
}

TEST_F(Transactions, ATruncationThatWasRolledBackCreatedNothing) {
  const wal::RelationLocator new_payments{1663, 5, 16500}, new_table{1663, 5, 16600};
  const auto row = [](pg::Oid oid, std::string name, pg::Oid file) {
    return wal::CatalogRow{
        wal::CatalogRow::Of::kRelation, {1}, 700, 5, oid, std::move(name), 2200, 0, file, 'r'};
  };
  names_.see(row(16384, "payments", 16384));
  names_.see(row(16384, "payments", 16500));
  names_.see(row(16600, "brief", 16600));
  const auto found = find({Segment(1)
                               .creates(700, new_payments)
                               .creates(700, new_table)
                               .creates(700, {1663, 5, 16501})  // an index's
                               .rolls_back(700, 10)});
  ASSERT_THAT(found, SizeIs(1));
  ASSERT_THAT(found[0].files, SizeIs(2));
  EXPECT_EQ(found[0].files[0].fate, FileFate::kTruncated);
  EXPECT_EQ(found[0].files[1].fate, FileFate::kCreated);
}

// CREATE TABLE that has committed behind the archived WAL: the server knows the table.
TEST_F(Transactions, ANewTableThatTheServerKnowsAlreadyIsNotTruncated) {
  const wal::RelationLocator new_table{1663, 5, 16600};
  const wal::CatalogRow row{
      wal::CatalogRow::Of::kRelation, {1}, 700, 5, 16600, "brief", 2200, 0, 16600, 'r'};
  names_.see(row);
  names_.see_file(row);
  const auto found =
      find({Segment(1).creates(700, new_table).works(700, {{new_table, {.inserted = 9}}})});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].outcome, Outcome::kUnfinished);
  ASSERT_THAT(found[0].files, SizeIs(1));
  EXPECT_EQ(found[0].files[0].fate, FileFate::kCreated);
  EXPECT_EQ(found[0].files[0].rows.inserted, 9);
}

// Only its init fork is logged.
TEST_F(Transactions, AnUnloggedTableIsTruncatedAndNotDropped) {
  const wal::RelationLocator new_payments{1663, 5, 16500};
  const auto found = find({Segment(1)
                               .creates(700, new_payments, pg::Fork::kInit)
                               .commits_and_drops(700, 10, {kPayments})});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].files[0].fate, FileFate::kTruncated);
}

TEST_F(Transactions, WhatNobodyCountedStandsBehindWhatIsLarge) {
  const auto found = find({Segment(1)
                               .commits_and_drops(700, 10, {kLedger})
                               .works(701, {{kPayments, {.deleted = 20'000}}})
                               .commits(701, 20)
                               .works(702, {{kPayments, {.deleted = 20}}})
                               .commits(702, 30)});
  EXPECT_THAT(xids(found), ElementsAre(701, 700, 702));
}

TEST_F(Transactions, AMoveToAnotherTablespaceTakesNothing) {
  const wal::RelationLocator moved{16999, 5, 16500};
  EXPECT_THAT(find({Segment(1).creates(700, moved).commits_and_drops(700, 10, {kPayments})}),
              IsEmpty());
}

// VACUUM FULL payments beside DROP ledger, or TRUNCATE ledger.
TEST_F(Transactions, ARewriteHidesNoLossBesideIt) {
  const auto row = [](pg::Oid oid, std::string name, pg::Oid file) {
    return wal::CatalogRow{
        wal::CatalogRow::Of::kRelation, {1}, 600, 5, oid, std::move(name), 2200, 0, file, 'r'};
  };
  const wal::RelationLocator new_payments{1663, 5, 16500}, new_ledger{1663, 5, 16501};
  for (const bool truncates : {false, true}) {
    for (const bool ledger_is_known : {false, true}) {
      names_ = RelationNames();
      names_.see(row(16384, "payments", 16384));
      if (ledger_is_known) names_.see(row(16390, "ledger", 16390));
      names_.see(row(16500, "pg_temp_16384", 16500));
      Segment segment(1);
      segment.creates(700, new_payments);
      if (truncates) segment.creates(700, new_ledger);
      segment.commits_and_drops(700, 10, {kPayments, kLedger});
      const auto found = find({segment});
      ASSERT_THAT(found, SizeIs(1));
      ASSERT_THAT(found[0].files, SizeIs(2));
      EXPECT_EQ(found[0].files[0].file, kPayments);
      EXPECT_EQ(found[0].files[0].fate, FileFate::kRewritten);
      EXPECT_EQ(found[0].files[1].file, kLedger);
      EXPECT_EQ(found[0].files[1].fate, truncates ? FileFate::kTruncated : FileFate::kDropped);
    }
  }
}

// TRUNCATE payments and DROP ledger: of payments' row WAL has only what differs.
TEST_F(Transactions, ATruncationIsKnownByWhoseItsNewFileIsLater) {
  const wal::RelationLocator new_payments{1663, 5, 16500};
  names_.add(
      {{{5,
         "shop",
         1663,
         {{2200,
           "public",
           {{16384, "payments", 1663, 16500, 'r', 0}, {16390, "ledger", 1663, 16390, 'r', 7}}}}}},
       {}},
      {});
  const auto found = find(
      {Segment(1).creates(700, new_payments).commits_and_drops(700, 10, {kLedger, kPayments})});
  ASSERT_THAT(found, SizeIs(1));
  ASSERT_THAT(found[0].files, SizeIs(2));
  EXPECT_EQ(found[0].files[0].file, kPayments);
  EXPECT_EQ(found[0].files[0].fate, FileFate::kTruncated);
  EXPECT_EQ(found[0].files[1].fate, FileFate::kDropped);
}

// Rows as index entries tell them.
wal::CatalogRow update_of(pg::Oid oid, std::string name, pg::Oid file) {
  return {
      wal::CatalogRow::Of::kRelation, {1}, 700, 5, oid, std::move(name), 2200, 0, file, 'r', true};
}
wal::CatalogRow heap_of_rewrite(pg::Oid of, pg::Oid oid) {
  return {wal::CatalogRow::Of::kRelation,  {1},  700, 5,   oid,
          "pg_temp_" + std::to_string(of), 2200, 0,   oid, 'r'};
}

// BEGIN; TRUNCATE payments; CLUSTER payments, and the other way round, where TRUNCATE makes no file
// unless a savepoint stands before it.
TEST_F(Transactions, ATruncationBesideARewriteOfItsTableIsATruncation) {
  const wal::RelationLocator truncated{1663, 5, 16500}, rewritten{1663, 5, 16501};
  names_.add(
      {{{5, "shop", 1663, {{2200, "public", {{16384, "payments", 1663, 16384, 'r', 40}}}}}}, {}},
      {});
  const auto first_truncated = Segment(1)
                                   .puts(update_of(16384, "payments", 16500))
                                   .puts(heap_of_rewrite(16384, 16501))
                                   .puts(update_of(16384, "payments", 16501))
                                   .puts(update_of(16501, "pg_temp_16384", 16500))
                                   .creates(700, truncated)
                                   .creates(700, rewritten)
                                   .commits_and_drops(700, 10, {truncated, kPayments});
  const auto first_rewritten = Segment(1)
                                   .puts(heap_of_rewrite(16384, 16501))
                                   .puts(update_of(16384, "payments", 16501))
                                   .puts(update_of(16501, "pg_temp_16384", 16384))
                                   .puts(update_of(16384, "payments", 16500))
                                   .creates(700, rewritten)
                                   .creates(700, truncated)
                                   .commits_and_drops(700, 10, {rewritten, kPayments});
  const auto only_rewritten = Segment(1)
                                  .puts(heap_of_rewrite(16384, 16501))
                                  .puts(update_of(16384, "payments", 16501))
                                  .puts(update_of(16501, "pg_temp_16384", 16384))
                                  .creates(700, rewritten)
                                  .commits_and_drops(700, 10, {kPayments});
  const auto emptied_in_place = Segment(1)
                                    .puts(heap_of_rewrite(16384, 16501))
                                    .puts(update_of(16384, "payments", 16501))
                                    .puts(update_of(16501, "pg_temp_16384", 16384))
                                    .creates(700, rewritten)
                                    .empties(700, rewritten)
                                    .commits_and_drops(700, 10, {kPayments});
  for (const Segment& segment : {first_truncated, first_rewritten, emptied_in_place}) {
    const auto found = find({segment});
    ASSERT_THAT(found, SizeIs(1));
    ASSERT_THAT(found[0].files, SizeIs(1));
    EXPECT_EQ(found[0].files[0].file, kPayments);
    EXPECT_EQ(found[0].files[0].fate, FileFate::kTruncated);
  }
  EXPECT_THAT(find({only_rewritten}), IsEmpty()) << "it took nothing";
}

TEST_F(Transactions, RowsDeletedBehindARewriteInItsTransactionCount) {
  const wal::RelationLocator rewritten{1663, 5, 16501};
  const auto found = find(
      {Segment(1)
           .puts(heap_of_rewrite(16384, 16501))
           .puts(update_of(16384, "payments", 16501))
           .creates(700, rewritten)
           .works(700, {{kPayments, {.deleted = 2}}, {rewritten, {.inserted = 40, .deleted = 3}}})
           .commits_and_drops(700, 10, {kPayments})});
  ASSERT_THAT(found, SizeIs(1));
  ASSERT_THAT(found[0].files, SizeIs(1));
  EXPECT_EQ(found[0].files[0].fate, FileFate::kRewritten);
  EXPECT_EQ(found[0].files[0].rows, (wal::RowCounts{.deleted = 5}));
}

// The first record of a subtransaction has no xid; the row that follows has.
TEST_F(Transactions, AFileThatASavepointMadeFirstIsItsOwn) {
  const wal::RelationLocator new_payments{1663, 5, 16500};
  for (const bool row_is_later : {false, true}) {
    Segment first(1), second(2);
    first.creates(0, new_payments);
    (row_is_later ? second : first).puts(update_of(16384, "payments", 16500));
    second.commits_and_drops(700, 10, {kLedger, kPayments});
    const auto found = find({first, second});
    ASSERT_THAT(found, SizeIs(1));
    ASSERT_THAT(found[0].files, SizeIs(2));
    EXPECT_EQ(found[0].files[0].fate, FileFate::kTruncated);
    EXPECT_EQ(found[0].files[1].fate, FileFate::kDropped);
  }
}

// BEGIN; ALTER TABLE payments SET TABLESPACE elsewhere; TRUNCATE payments.
TEST_F(Transactions, ATruncationBehindAMoveIsATruncation) {
  const wal::RelationLocator moved{16999, 5, 16500}, truncated{16999, 5, 16501};
  const auto there = [](wal::CatalogRow row) {
    row.tablespace = 16999;
    return row;
  };
  const auto both = Segment(1)
                        .puts(there(update_of(16384, "payments", 16500)))
                        .puts(there(update_of(16384, "payments", 16501)))
                        .creates(700, moved)
                        .creates(700, truncated)
                        .commits_and_drops(700, 10, {moved, kPayments});
  const auto found = find({both});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].files[0].fate, FileFate::kTruncated);
  const auto only_moved = Segment(1)
                              .puts(there(update_of(16384, "payments", 16500)))
                              .creates(700, moved)
                              .commits_and_drops(700, 10, {kPayments});
  EXPECT_THAT(find({only_moved}), IsEmpty());
}

// TRUNCATE payments and DROP ledger, whose old files have as many new ones as an index more needs.
TEST_F(Transactions, RowsTellATruncationFromADropWithNobodyToAsk) {
  const wal::RelationLocator new_payments{1663, 5, 16500}, new_index{1663, 5, 16501};
  wal::CatalogRow index = update_of(16501, "payments_note", 16501);
  index.is_update = false;
  index.kind = 'i';
  const auto found = find({Segment(1)
                               .puts(update_of(16384, "payments", 16500))
                               .puts(index)
                               .creates(700, new_payments)
                               .creates(700, new_index)
                               .commits_and_drops(700, 10, {kLedger, kPayments})});
  ASSERT_THAT(found, SizeIs(1));
  ASSERT_THAT(found[0].files, SizeIs(3));
  EXPECT_EQ(found[0].files[0].file, kPayments);
  EXPECT_EQ(found[0].files[0].fate, FileFate::kTruncated);
  EXPECT_EQ(found[0].files[1].file, kLedger);
  EXPECT_EQ(found[0].files[1].fate, FileFate::kDropped);
  EXPECT_EQ(found[0].files[2].fate, FileFate::kCreated);
}

// CREATE INDEX on payments, then TRUNCATE payments: the index has two files, and replaces none.
// That the server knows it by now makes no difference.
TEST_F(Transactions, WhatTheTransactionMadeReplacesNothing) {
  const wal::RelationLocator new_payments{1663, 5, 16500}, index{1663, 5, 16501},
      new_index{1663, 5, 16502};
  names_.add(
      {{{5, "shop", 1663, {{2200, "public", {{16501, "payments_note", 1663, 16502, 'i', 0}}}}}},
       {}},
      {UINT64_MAX});
  wal::CatalogRow made = update_of(16501, "payments_note", 16501);
  made.is_update = false;
  const auto found = find({Segment(1)
                               .puts(made)
                               .puts(update_of(16384, "payments", 16500))
                               .puts(update_of(16501, "payments_note", 16502))
                               .creates(700, index)
                               .creates(700, new_payments)
                               .creates(700, new_index)
                               .commits_and_drops(700, 10, {index, kPayments, kLedger})});
  ASSERT_THAT(found, SizeIs(1));
  ASSERT_THAT(found[0].files, SizeIs(3));
  EXPECT_EQ(found[0].files[0].fate, FileFate::kTruncated);
  EXPECT_EQ(found[0].files[1].file, kLedger);
  EXPECT_EQ(found[0].files[1].fate, FileFate::kDropped);
}

TEST_F(Transactions, ARowThatSegmentsHaveInPartsIsOne) {
  const wal::RelationLocator new_payments{1663, 5, 16500};
  const auto part = [](std::optional<pg::Oid> oid, std::optional<wal::CatalogRowPart::Name> name,
                       std::optional<wal::CatalogRowPart::File> file) {
    return wal::CatalogRowPart{{1}, 700, 5, {3, 4}, oid, {}, std::move(name), file};
  };
  const auto found = find({Segment(1).creates(700, new_payments).puts(part(16384, {}, {})),
                           Segment(2)
                               .puts(part({}, {{2200, "payments"}}, {{0, 16500}}))
                               .commits_and_drops(700, 10, {kLedger, kPayments})});
  ASSERT_THAT(found, SizeIs(1));
  ASSERT_THAT(found[0].files, SizeIs(2));
  EXPECT_EQ(found[0].files[0].fate, FileFate::kTruncated);
  EXPECT_EQ(found[0].files[1].fate, FileFate::kDropped);
}

// CLUSTER gives the table, its TOAST table and that one's index new files with rows of pg_class; of
// its own index WAL has only what differs.
TEST_F(Transactions, TheIndexOfARewrittenTableIsFollowed) {
  const auto file = [](pg::Oid number) { return wal::RelationLocator{1663, 5, number}; };
  const auto row = [](pg::Oid oid, std::string name, pg::Oid schema, char kind) {
    return wal::CatalogRow{
        wal::CatalogRow::Of::kRelation, {1}, 700, 5, oid, std::move(name), schema, 0, oid, kind};
  };
  for (const auto& [oid, name, schema, kind] : {std::tuple(16384u, "payments", 2200u, 'r'),
                                                {16387u, "pg_toast_16384", 99u, 't'},
                                                {16388u, "pg_toast_16384_index", 99u, 'i'},
                                                {16389u, "payments_pkey", 2200u, 'i'}}) {
    names_.see(row(oid, name, schema, kind));
  }
  const auto found =
      find({Segment(1)
                .puts(row(16500, "pg_temp_16384", 2200, 'r'))
                .puts(row(16503, "pg_toast_16500", 99, 't'))
                .puts(row(16504, "pg_toast_16500_index", 99, 'i'))
                .creates(700, file(16500))
                .creates(700, file(16503))
                .creates(700, file(16504))
                .creates(700, file(16505))
                .commits_and_drops(700, 10, {file(16388), file(16387), file(16384), file(16389)})
                .works(701, {{file(16500), {.deleted = 1}}})
                .commits(701, 20)});
  ASSERT_TRUE(names_.of(file(16505)));
  EXPECT_EQ(names_.of(file(16505))->name, "payments_pkey");
  EXPECT_EQ(names_.of(file(16503))->oid, 16384u);
}

// Then nobody sees its rows. DROP ledger and CREATE brief are no truncation.
TEST_F(Transactions, AfterARewriteOfTheCatalogADropIsADrop) {
  const wal::RelationLocator new_catalog{1663, 5, 16700}, brief{1663, 5, 16701};
  const wal::CatalogRow heap{
      wal::CatalogRow::Of::kRelation, {1}, 699, 5, 16700, "pg_temp_1259", 11, 0, 16700, 'r'};
  const auto rewritten =
      Segment(1).puts(heap).creates(699, new_catalog).commits_and_drops(699, 5, {kCatalog});
  const auto fate = [&](Segment segment, const wal::RelationLocator& of) {
    for (const FoundTransaction& each : find({rewritten, std::move(segment)})) {
      if (each.xid != 700) continue;
      const auto touched = std::ranges::find(each.files, of, &TouchedFile::file);
      if (touched != each.files.end()) return touched->fate;
    }
    ADD_FAILURE() << "not found";
    return FileFate::kChanged;
  };
  const auto swaps = Segment(2)
                         .creates(700, brief)
                         .works(700, {{new_catalog, {.inserted = 1, .deleted = 1}}})
                         .commits_and_drops(700, 10, {kLedger});
  EXPECT_EQ(fate(swaps, kLedger), FileFate::kDropped);
  EXPECT_EQ(fate(swaps, brief), FileFate::kCreated);
  const auto truncates = Segment(2)
                             .creates(700, brief)
                             .works(700, {{new_catalog, {.updated = 1}}})
                             .commits_and_drops(700, 10, {kLedger});
  EXPECT_EQ(fate(truncates, kLedger), FileFate::kTruncated);
}

// ALTER DATABASE SET TABLESPACE.
TEST_F(Transactions, ADatabaseThatMovesKeepsItsNames) {
  names_.add(
      {{{5, "shop", 1663, {{2200, "public", {{16384, "payments", 1663, 16384, 'r', 5}}}}}}, {}},
      {});
  const wal::RelationLocator moved{16999, 5, 16384};
  EXPECT_EQ(names_.of(moved), std::nullopt);
  find({Segment(1).moves_database(700, 5, 1663, 16999).commits_and_drops(701, 10, {moved})});
  ASSERT_TRUE(names_.of(moved));
  EXPECT_EQ(names_.of(moved)->name, "payments");
}

TEST_F(Transactions, WhatComesAndGoesInOneIsNobodysLoss) {
  EXPECT_THAT(find({Segment(1)
                        .creates(700, kPayments)
                        .works(700, {{kPayments, {.inserted = 40}}})
                        .commits_and_drops(700, 10, {kPayments})}),
              IsEmpty());
}

// 24 chunks of a value are no rows of the table.
TEST_F(Transactions, ValuesStoredOutOfLineDoNotCount) {
  const wal::RelationLocator toast{1663, 5, 16387};
  names_.add({{{5,
                "shop",
                1663,
                {{99, "pg_toast", {{16387, "pg_toast_16384", 1663, 16387, 't', -1}}},
                 {2200, "public", {{16384, "payments", 1663, 16384, 'r', 500}}}}}},
              {}},
             {});
  Segment segment(1);
  for (pg::Xid xid = 700; xid < 704; ++xid) {
    segment.works(xid, {{kPayments, {.updated = 1}}, {toast, {.inserted = 24, .deleted = 24}}});
    segment.commits(xid, xid);
  }
  segment.works(704, {{kPayments, {.updated = 1}}, {toast, {.inserted = 24, .deleted = 24}}})
      .commits_with(704, 704, {705})
      .works(710, {{kLedger, {.deleted = 5}}})
      .commits(710, 710);
  options_.keep = 1;
  EXPECT_THAT(xids(find({segment})), ElementsAre(710));
  EXPECT_EQ(search_->totals().deleted, 5u);
  EXPECT_EQ(search_->totals().updated, 5u);
  EXPECT_EQ(search_->totals().inserted, 0u);
}

TEST_F(Transactions, ARenameCountsOnceItIsCommitted) {
  const auto renames = [](pg::Xid xid, std::string table, std::string schema) {
    return std::pair(
        wal::CatalogRow{wal::CatalogRow::Of::kRelation,
                        {1},
                        xid,
                        5,
                        16384,
                        std::move(table),
                        16500,
                        0,
                        16384,
                        'r'},
        wal::CatalogRow{wal::CatalogRow::Of::kSchema, {1}, xid, 5, 16500, std::move(schema)});
  };
  const auto called = [&](const std::vector<Segment>& segments) {
    names_ = RelationNames();
    const auto [table, schema] = renames(600, "payments", "shop");
    names_.see(table);
    names_.see(schema);
    find(segments);
    const RelationName name = *names_.of(kPayments);
    EXPECT_EQ(name.also.empty(), name.name == "payments");
    return name.schema + "." + name.name;
  };
  const auto renaming = [&](pg::Xid xid) {
    const auto [table, schema] = renames(xid, "old_payments", "old_shop");
    return Segment(1).puts(table).puts(schema);
  };
  const auto empty_dropped = std::vector<wal::RelationLocator>{};
  EXPECT_EQ(called({renaming(700).rolls_back(700, 10)}), "shop.payments");
  EXPECT_EQ(called({renaming(700), Segment(2).rolls_back(700, 10)}), "shop.payments");
  EXPECT_EQ(called({renaming(700)}), "shop.payments") << "it has not ended";
  EXPECT_EQ(called({renaming(700).commits_and_drops(700, 10, empty_dropped)}),
            "old_shop.old_payments");
  EXPECT_EQ(called({renaming(700), Segment(2).commits_and_drops(700, 10, empty_dropped)}),
            "old_shop.old_payments");
  EXPECT_EQ(called({renaming(701).rolls_back(701, 5).commits_with(700, 10, {702})}),
            "shop.payments")
      << "to a savepoint";
  EXPECT_EQ(called({renaming(701).commits_with(700, 10, {701})}), "old_shop.old_payments");
}

TEST_F(Transactions, ATableThatIsCalledLikeTheHeapOfARewriteIsATable) {
  const wal::RelationLocator other{1663, 5, 16600};
  names_.see({wal::CatalogRow::Of::kRelation, {1}, 600, 5, 16384, "payments", 2200, 0, 16384, 'r'});
  const wal::CatalogRow row{
      wal::CatalogRow::Of::kRelation, {1}, 700, 5, 16600, "pg_temp_16384", 2200, 0, 16600, 'r'};
  const auto found = find({Segment(1)
                               .puts(row)
                               .creates(700, other)
                               .commits_and_drops(700, 10, {})
                               .works(701, {{other, {.deleted = 5}}})
                               .commits(701, 20)
                               .puts(row)
                               .commits_and_drops(702, 30, {other})});
  EXPECT_EQ(names_.of(other)->name, "pg_temp_16384");
  EXPECT_EQ(names_.of(kPayments)->name, "payments");
  ASSERT_THAT(xids(found), testing::Contains(702));
  EXPECT_EQ(std::ranges::find(found, 702u, &FoundTransaction::xid)->files.at(0).fate,
            FileFate::kDropped);
}

// Nobody else can know what it was called.
TEST_F(Transactions, ATableWhoseCreationWasRolledBackHasAName) {
  const wal::RelationLocator brief{1663, 5, 16600};
  const auto found = find(
      {Segment(1)
           .puts({wal::CatalogRow::Of::kRelation, {1}, 700, 5, 16600, "brief", 2200, 0, 16600, 'r'})
           .creates(700, brief)
           .works(700, {{brief, {.inserted = 9}}})
           .rolls_back(700, 10)});
  ASSERT_THAT(found, SizeIs(1));
  ASSERT_TRUE(names_.of(brief));
  EXPECT_EQ(names_.of(brief)->name, "brief");
}

}  // namespace
}  // namespace walkback::find
