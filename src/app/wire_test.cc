#include "app/wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace walkback::app {
namespace {

using testing::HasSubstr;

TEST(Wire, AFileUrlIsADirectory) {
  char path[] = "/tmp/walkback-wire-XXXXXX";
  std::string url = std::string("file://") + mkdtemp(path) + "/repository";
  auto store = open_store(url);
  ASSERT_TRUE(store.ok()) << store.error().message;
  store::ObjectKey key("some/object");
  ASSERT_TRUE((*store)->put(key, as_bytes("x")).ok());
  EXPECT_EQ(as_text(**open_store(url).value()->get(key)), "x");
  EXPECT_EQ((*store)->description(), url);
  std::filesystem::remove_all(path);
}

TEST(Wire, AnotherSchemeIsRefusedWithWhatIsRead) {
  for (const char* url : {"s3://bucket/x", "/srv/walkback", "", "FILE:///x"}) {
    auto store = open_store(url);
    ASSERT_FALSE(store.ok()) << url;
    EXPECT_EQ(store.error().kind, ErrorKind::kUnsupported);
    EXPECT_THAT(store.error().message, HasSubstr("only file:///path is read"));
  }
}

TEST(Wire, AFileUrlNeedsAnAbsolutePath) {
  for (const char* url : {"file://", "file://srv/walkback", "file://./x"}) {
    auto store = open_store(url);
    ASSERT_FALSE(store.ok()) << url;
    EXPECT_EQ(store.error().kind, ErrorKind::kInvalid);
  }
}

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
