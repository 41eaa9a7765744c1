#include "base/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

namespace walkback {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return make_error(ErrorKind::kInvalid, "odd");
  return number / 2;
}

Result<int> quarter(int number) { return TRY_CONTEXT(half(TRY(half(number))), "second half"); }

TEST(Result, TryGivesTheValueOrReturnsTheError) {
  EXPECT_EQ(quarter(12).value(), 3);
  EXPECT_EQ(quarter(3).error().message, "odd");
  EXPECT_EQ(quarter(6).error().message, "second half: odd");
}

TEST(Result, CarriesWhatCanOnlyBeMoved) {
  auto make = []() -> Result<std::unique_ptr<int>> { return {std::make_unique<int>(7)}; };
  auto pass = [&]() -> Result<std::unique_ptr<int>> {
    std::unique_ptr<int> number = TRY(make());
    return {std::move(number)};
  };
  EXPECT_EQ(*pass().value(), 7);
}

TEST(Error, TheFirstHintStays) {
  Error error = make_error(ErrorKind::kIo, "x", "callee's").with_hint("caller's");
  EXPECT_EQ(error.hint, "callee's");
  EXPECT_EQ(make_error(ErrorKind::kIo, "x").with_hint("caller's").hint, "caller's");
}

TEST(Error, FromErrnoSaysWhatTheCallerCanDo) {
  EXPECT_EQ(errno_error(ENOENT, "opening /x").kind, ErrorKind::kMissing);
  EXPECT_EQ(errno_error(EROFS, "opening /x").kind, ErrorKind::kDenied);
  EXPECT_EQ(errno_error(EDQUOT, "writing /x").kind, ErrorKind::kNoSpace);
  EXPECT_EQ(errno_error(EIO, "writing /x").kind, ErrorKind::kIo);
  EXPECT_EQ(errno_error(EIO, "writing /x").message, "writing /x: Input/output error");
}

TEST(ErrorKind, NamesAreStable) {
  EXPECT_EQ(error_kind_name(ErrorKind::kNoSpace), "no_space");
  EXPECT_EQ(error_kind_name(ErrorKind::kTransient), "transient");
}

TEST(ResultDeathTest, TheValueOfAFailureStopsTheProgram) {
  EXPECT_DEATH((void)half(1).value(),
               "assumption does not hold: a value was taken for granted: odd");
}

}  // namespace
}  // namespace walkback
