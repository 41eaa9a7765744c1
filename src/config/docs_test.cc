#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/keys.h"

namespace walkback::config {
namespace {

// The manual is part of the product: a key that it does not describe does not exist for the user.
TEST(Docs, EveryKeyIsDescribedWithItsVariable) {
  std::stringstream manual;
  const auto module = std::filesystem::path(WALKBACK_TESTDATA).parent_path();
  manual << std::ifstream(module.parent_path().parent_path() / "docs/cli.md").rdbuf();
  ASSERT_FALSE(manual.str().empty());
  for (const Key& key : all_keys()) {
    EXPECT_THAT(manual.str(),
                testing::HasSubstr("| `" + key.full_name() + "` | `" + key.variable() + "` |"));
  }
}

}  // namespace
}  // namespace walkback::config
