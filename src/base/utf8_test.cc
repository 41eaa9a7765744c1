#include "base/utf8.h"

#include <gtest/gtest.h>

namespace walkback {
namespace {

TEST(Utf8, IsLeftAsItIs) {
  const std::string text = "caf\u00E9 \u20AC \U0001F600 \U0010FFFF";
  EXPECT_EQ(escape_invalid_utf8(text), text);
  EXPECT_EQ(escape_invalid_utf8(""), "");
}

TEST(Utf8, EachByteOfWhatIsNoneIsEscaped) {
  EXPECT_EQ(escape_invalid_utf8("caf\xE9"), "caf\\xE9");
  EXPECT_EQ(escape_invalid_utf8("\xE9t\xE9"), "\\xE9t\\xE9");
  EXPECT_EQ(escape_invalid_utf8("\x80"), "\\x80");
  EXPECT_EQ(escape_invalid_utf8("\xC0\xAF"), "\\xC0\\xAF") << "longer than it need be";
  EXPECT_EQ(escape_invalid_utf8("\xE0\x80\xAF"), "\\xE0\\x80\\xAF");
  EXPECT_EQ(escape_invalid_utf8("\xED\xA0\x80"), "\\xED\\xA0\\x80") << "half of a pair";
  EXPECT_EQ(escape_invalid_utf8("\xF4\x90\x80\x80"), "\\xF4\\x90\\x80\\x80");
  EXPECT_EQ(escape_invalid_utf8("\xE2\x82"), "\\xE2\\x82") << "cut off";
}

}  // namespace
}  // namespace walkback
