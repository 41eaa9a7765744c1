// Golden files: what is printed, compared byte for byte with testdata.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace walkback::cli {

// WALKBACK_UPDATE_GOLDEN=1 writes what is made now; the diff is for the reviewer.
inline void expect_golden(const std::string& name, const std::string& text) {
  std::string path = std::string(WALKBACK_TESTDATA) + "/" + name;
  if (std::getenv("WALKBACK_UPDATE_GOLDEN")) std::ofstream(path) << text;
  std::stringstream golden;
  golden << std::ifstream(path).rdbuf();
  EXPECT_EQ(text, golden.str()) << path;
}

}  // namespace walkback::cli
