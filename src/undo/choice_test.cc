#include "undo/choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace walkback::undo {
namespace {

using find::FileFate;
using find::Outcome;
using find::Reach;
using ::testing::HasSubstr;

constexpr uint64_t kXid = 748;

class ChoiceTest : public testing::Test {
 protected:
  find::FoundWork& transaction(uint64_t xid, Outcome outcome = Outcome::kCommitted) {
    find::FoundWork work;
    work.transaction.xid = xid;
    work.transaction.outcome = outcome;
    std::vector<find::FoundWork>& works =
        outcome == Outcome::kCommitted ? report_.found : report_.others;
    works.push_back(work);
    return works.back();
  }
  static find::FoundTable& touches(find::FoundWork& work, const std::string& name,
                                   FileFate fate = FileFate::kChanged, char kind = 'r') {
    find::RelationName named;
    named.oid = 16384;
    named.database = "shop";
    named.schema = "public";
    named.name = name;
    named.kind = kind;
    work.tables.push_back({{1663, 5, 16384}, named, {0, 0, 3}, fate});
    return work.tables.back();
  }
  Result<Choice> choose(const std::vector<std::string>& only = {}, uint64_t xid = kXid) {
    std::vector<find::TablePattern> patterns;
    for (const std::string& name : only) {
      patterns.push_back(find::TablePattern::parse(name).value());
    }
    return undo::choose(report_, xid, patterns);
  }
  // The whole of a refusal: kind, message, hint.
  void expect_refused(ErrorKind kind, const std::string& says, const std::string& hints = "",
                      const std::vector<std::string>& only = {}) {
    const Result<Choice> choice = choose(only);
    ASSERT_FALSE(choice.ok());
    EXPECT_EQ(choice.error().kind, kind);
    EXPECT_THAT(choice.error().message, HasSubstr(says));
    EXPECT_THAT(choice.error().hint, HasSubstr(hints));
  }
  find::FindReport report_;
};

TEST_F(ChoiceTest, TheTablesOfACommittedTransactionAreUndone) {
  find::FoundWork& work = transaction(kXid);
  touches(work, "payments");
  touches(work, "totals", FileFate::kChanged, 'm');
  touches(work, "carts", FileFate::kTruncated);
  touches(work, "wide", FileFate::kAltered);
  const Choice choice = choose().value();
  ASSERT_EQ(choice.tables.size(), 2u);
  EXPECT_EQ(name_of(*choice.tables[0]), "public.payments");
  EXPECT_EQ(name_of(*choice.tables[1]), "public.carts");
  EXPECT_EQ(choice.database, 5u);
  EXPECT_EQ(choice.database_name, "shop");
  ASSERT_EQ(choice.left_out.size(), 2u);
  EXPECT_EQ(choice.left_out[0].table, "public.totals");
  EXPECT_THAT(choice.left_out[1].why, HasSubstr("rewrote"));
}

TEST_F(ChoiceTest, OnlyTheTablesAskedForAreUndone) {
  find::FoundWork& work = transaction(kXid);
  touches(work, "payments");
  touches(work, "orders");
  touches(work, "gone", FileFate::kDropped);
  const Choice choice = choose({"public.orders"}).value();
  ASSERT_EQ(choice.tables.size(), 1u);
  EXPECT_TRUE(choice.dropped.empty());
  EXPECT_EQ(name_of(*choice.tables[0]), "public.orders");
  EXPECT_TRUE(choice.left_out.empty());
  expect_refused(ErrorKind::kInvalid, "no table of that name", "find --xid 748", {"invoices"});
}

TEST_F(ChoiceTest, WhatDidNotCommitIsRefused) {
  expect_refused(ErrorKind::kMissing, "no transaction 748", "only read");
  report_.unknown.push_back({"2 segments from 00A on are not in the archive", {}, {}});
  expect_refused(ErrorKind::kMissing, "no transaction 748", "2 segments");

  find::FoundWork& work = transaction(kXid, Outcome::kRolledBack);
  touches(work, "payments");
  expect_refused(ErrorKind::kInvalid, "was rolled back");
  work.transaction.savepoints_of = 740;
  expect_refused(ErrorKind::kInvalid, "a savepoint of transaction 740", "undo --xid 740");
  work.transaction.outcome = Outcome::kPrepared;
  expect_refused(ErrorKind::kInvalid, "prepared", "pg_prepared_xacts");
  work.transaction.gid = "g1";
  expect_refused(ErrorKind::kInvalid, "prepared", "ROLLBACK PREPARED 'g1'");
  work.transaction.outcome = Outcome::kInterrupted;
  expect_refused(ErrorKind::kInvalid, "crash");
  work.transaction.outcome = Outcome::kUnfinished;
  expect_refused(ErrorKind::kInvalid, "no end of transaction 748", "archived yet");
}

TEST_F(ChoiceTest, WhatNoBackupHasIsRefused) {
  find::FoundWork& work = transaction(kXid);
  touches(work, "payments");
  work.reach = Reach::kBeforeBackups;
  expect_refused(ErrorKind::kInvalid, "before the oldest backup");
  work.reach = Reach::kBehindGap;
  expect_refused(ErrorKind::kInvalid, "behind a gap");
}

TEST_F(ChoiceTest, AnXidOfSeveralEpochsIsRefusedWithThem) {
  touches(transaction(kXid), "payments");
  touches(transaction((uint64_t{1} << 32) + kXid), "payments");
  expect_refused(ErrorKind::kInvalid, "ambiguous", "748, 4294968044");
}

TEST_F(ChoiceTest, WhatChangedNoRowIsRefused) {
  find::FoundWork& work = transaction(kXid);
  expect_refused(ErrorKind::kInvalid, "has no change of transaction");
  touches(work, "carts", FileFate::kRewritten);
  expect_refused(ErrorKind::kUnsupported, "public.carts: the transaction also rewrote it",
                 "--before-xid 748");
}

TEST_F(ChoiceTest, DroppedTablesAndMaterializedViewsComeBack) {
  find::FoundWork& work = transaction(kXid);
  touches(work, "carts", FileFate::kDropped);
  touches(work, "totals", FileFate::kDropped, 'm');
  const Choice choice = choose().value();
  EXPECT_TRUE(choice.tables.empty());
  ASSERT_EQ(choice.dropped.size(), 2u);
  EXPECT_EQ(choice.database_name, "shop");
  EXPECT_TRUE(can_give_back(work));
  work.tables[0].name.reset();
  work.tables.pop_back();
  EXPECT_FALSE(can_give_back(work));
}

TEST_F(ChoiceTest, ASubtransactionStandsForItsTransaction) {
  touches(transaction(740), "payments");
  const Choice choice = choose().value();
  ASSERT_EQ(choice.notes.size(), 1u);
  EXPECT_THAT(choice.notes[0], HasSubstr("748 is a subtransaction of 740"));
}

}  // namespace
}  // namespace walkback::undo
