#include "app/wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace walkback::app {
namespace {

using testing::HasSubstr;

TEST(Wire, TheProcessKnowsItself) {
  setenv("WALKBACK_CLUSTER_NAME", "wired", 1);
  Wiring wiring;
  EXPECT_THAT(wiring.env().program, HasSubstr("walkback_app_test"));
  EXPECT_EQ(wiring.env().working_directory, std::filesystem::current_path().string());
  EXPECT_THAT(wiring.env().environment, testing::Contains(std::pair<std::string, std::string>(
                                            "WALKBACK_CLUSTER_NAME", "wired")));
  EXPECT_EQ(wiring.env().user_name(0), "root");
  unsetenv("WALKBACK_CLUSTER_NAME");
}

}  // namespace
}  // namespace walkback::app
