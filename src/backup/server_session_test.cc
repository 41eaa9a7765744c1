#include "backup/server_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/simulated_files.h"

namespace walkback::backup {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ServerFactsTest : public ::testing::Test {
 protected:
  ServerFactsTest() {
    facts_.version_num = 150018;
    facts_.data_directory = "/srv/pg";
    facts_.archive_mode = "on";
    facts_.archive_command = "walkback wal-push %p";
    EXPECT_TRUE(make_directories(files_, "/srv/pg", 0700).ok());
    EXPECT_TRUE(make_directories(files_, "/srv/other", 0700).ok());
    EXPECT_TRUE(files_.make_symlink("/srv/pg", "/link").ok());
  }
  // Empty: this server can be backed up.
  std::string refusal(const std::string& pgdata) {
    const Result<void> checked = check_server_facts(facts_, pgdata, files_);
    return checked.ok() ? "" : checked.error().message;
  }

  SimulatedFiles files_{1};
  ServerFacts facts_;
};

// `init` takes all of these, and writes into the configuration what it was given.
TEST_F(ServerFactsTest, OneDirectoryHasManyPaths) {
  for (const char* path : {"/srv/pg", "/srv/pg/", "/srv/./pg", "/link", "/link/"}) {
    EXPECT_EQ(refusal(path), "") << path;
  }
  facts_.data_directory = "/link";
  EXPECT_EQ(refusal("/srv/pg"), "") << "the server was started on the link";
}

TEST_F(ServerFactsTest, AnotherDirectoryIsRefusedWithBothNames) {
  EXPECT_THAT(refusal("/srv/other"), AllOf(HasSubstr("/srv/pg"), HasSubstr("/srv/other")));
}

// In another mount namespace.
TEST_F(ServerFactsTest, AServersPathThatLeadsNowhereHereIsAnotherOne) {
  facts_.data_directory = "/elsewhere/pg";
  EXPECT_THAT(refusal("/srv/pg"), HasSubstr("/elsewhere/pg"));
}

}  // namespace
}  // namespace walkback::backup
