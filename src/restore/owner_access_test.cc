#include "restore/owner_access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace walkback::restore {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class OwnerAccess : public ::testing::Test {
 protected:
  // pg_hba.conf, after the owner "postgres" was let in.
  std::string with(const std::string& access, const std::vector<std::string>& superusers) {
    files_ = {access, "# own\n"};
    let_owner_in(files_, "postgres", superusers);
    EXPECT_EQ(without_owner_lines(files_.access), access);
    EXPECT_EQ(without_owner_lines(files_.identities), "# own\n");
    return files_.access;
  }
  AccessFiles files_;
};

TEST_F(OwnerAccess, IsThereWhereTheClustersRulesGiveIt) {
  for (const char* rules :
       {"local all all peer\n", "local replication all md5\nlocal all postgres trust # x\n",
        "local  all\t\"postgres\" peer\n"}) {
    EXPECT_EQ(with(rules, {"postgres", "admin"}), rules);
  }
  EXPECT_EQ(with("local all all trust\n", {"dba"}), "local all all trust\n");
}

TEST_F(OwnerAccess, ComesFirstWhereAPasswordWouldBeAsked) {
  EXPECT_THAT(
      with("local all all md5\n", {"postgres", "admin"}),
      AllOf(HasSubstr("local all \"postgres\" peer\nlocal all all md5"), Not(HasSubstr("admin"))));
}

TEST_F(OwnerAccess, KeywordsInQuotesAreNames) {
  for (const char* rules :
       {"local \"all\" all trust\nlocal all all md5\n", "local all \"all\" trust\n",
        "local \"replication\" all md5\nlocal all all peer\n"}) {
    EXPECT_THAT(with(rules, {}), HasSubstr("local all \"postgres\" peer\n")) << rules;
  }
}

TEST_F(OwnerAccess, ALineThatNamesAnotherFileIsNotTrusted) {
  EXPECT_THAT(with("include more.conf\nlocal all all peer\n", {}), HasSubstr("\"postgres\" peer"));
}

// initdb -U dba
TEST_F(OwnerAccess, AsAnotherRoleTakesAMap) {
  EXPECT_THAT(with("local all all peer\n", {"dba", "/x", "a\"b"}),
              HasSubstr("local all \"dba\" peer map=walkback-copy\nlocal all all peer\n"));
  EXPECT_THAT(files_.identities, HasSubstr("walkback-copy \"postgres\" \"dba\"\n# own\n"));
  EXPECT_THAT(files_.access, AllOf(Not(HasSubstr("/x")), Not(HasSubstr("a\"b"))));
}

}  // namespace
}  // namespace walkback::restore
