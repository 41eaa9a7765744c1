#include "net/url.h"

#include <gtest/gtest.h>

namespace walkback::net {
namespace {

TEST(Url, IsTakenApart) {
  Url url = parse_url("https://s3.example.org:8443/bucket/a%20b?list-type=2&prefix=a%2F").value();
  EXPECT_EQ(url.scheme, "https");
  EXPECT_EQ(url.authority, "s3.example.org:8443");
  EXPECT_EQ(url.host(), "s3.example.org");
  EXPECT_EQ(url.path, "/bucket/a%20b");
  EXPECT_EQ(url.query, "list-type=2&prefix=a%2F");
  EXPECT_EQ(url.text(), "https://s3.example.org:8443/bucket/a%20b?list-type=2&prefix=a%2F");
}

TEST(Url, WithoutPathIsTheRoot) {
  EXPECT_EQ(parse_url("http://host").value().path, "/");
  EXPECT_EQ(parse_url("http://host?uploads").value().query, "uploads");
}

TEST(Url, DropsItsSchemesOwnPortAsAHostHeaderDoes) {
  EXPECT_EQ(parse_url("https://host:443/").value().authority, "host");
  EXPECT_EQ(parse_url("http://host:80/").value().authority, "host");
  EXPECT_EQ(parse_url("http://host:443/").value().authority, "host:443");
  EXPECT_EQ(parse_url("http://[fd00:ec2::254]:80/x").value().host(), "fd00:ec2::254");
}

TEST(Url, WithAPasswordIsRefusedAndNotRepeated) {
  for (std::string_view text :
       {"https://user:hunter2@host/", "ftp://host/", "host/path", "https://", "http://host/a b",
        "http://host/a#b", "http://ho st/", "http://host/\r\nEvil: 1"}) {
    Result<Url> url = parse_url(text);
    ASSERT_FALSE(url.ok()) << text;
    EXPECT_EQ(url.error().kind, ErrorKind::kInvalid);
    EXPECT_EQ(url.error().message.find("hunter2"), std::string::npos);
  }
}

TEST(PercentEncoding, KeepsOnlyTheUnreserved) {
  EXPECT_EQ(percent_encode("AZaz09-._~", Slash::kEncode), "AZaz09-._~");
  EXPECT_EQ(percent_encode("a/b c+d=e&f$%", Slash::kEncode), "a%2Fb%20c%2Bd%3De%26f%24%25");
  EXPECT_EQ(percent_encode("a/b", Slash::kKeep), "a/b");
  EXPECT_EQ(percent_encode("\xe1\x88\xb4", Slash::kKeep), "%E1%88%B4");
}

TEST(PercentEncoding, IsUndone) {
  EXPECT_EQ(percent_decode("a%2Fb%20c%2bd+e"), "a/b c+d e");
  EXPECT_EQ(percent_decode("100%"), "100%");
  EXPECT_EQ(percent_decode("%4"), "%4");
  EXPECT_EQ(percent_decode("%zz%41"), "%zzA");
}

}  // namespace
}  // namespace walkback::net
