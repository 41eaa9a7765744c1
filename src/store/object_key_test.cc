#include <gtest/gtest.h>

#include "store/object_store.h"

namespace walkback::store {
namespace {

TEST(ObjectKey, IsComponentsOfPlainCharacters) {
  for (std::string text : {"a", "walkback.json", "clusters/main/wal/00000001/a_b-c.D", "a..b/c."}) {
    EXPECT_EQ(ObjectKey::parse(text).value().text(), text);
  }
  EXPECT_TRUE(ObjectKey::parse(std::string(255, 'x')).ok());
}

TEST(ObjectKey, AnythingThatCouldLeaveTheStoreIsInvalid) {
  std::string deep;
  for (int i = 0; i < 451; ++i) deep += "a/";
  for (std::string text :
       {std::string(), std::string("/"), std::string("/a"), std::string("a/"), std::string("a//b"),
        std::string("."), std::string(".."), std::string("a/../b"), std::string("a/."),
        std::string(".tmp/x"), std::string("a/.b"), std::string("a b"), std::string("a\n"),
        std::string("a\0b", 3), std::string("\xc3\xa4"), std::string("a\\b"), std::string(256, 'x'),
        deep + "a"}) {
    Result<ObjectKey> key = ObjectKey::parse(text);
    ASSERT_FALSE(key.ok()) << text;
    EXPECT_EQ(key.error().kind, ErrorKind::kInvalid);
  }
}

TEST(ObjectKeyDeathTest, OurOwnNamesMustBeRight) {
  EXPECT_DEATH(ObjectKey("../etc"), "assumption does not hold");
}

}  // namespace
}  // namespace walkback::store
