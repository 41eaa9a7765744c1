#include "config/secrets.h"

#include <gtest/gtest.h>

namespace walkback::config {
namespace {

TEST(Secrets, PasswordsInKeyValueFormAreMasked) {
  EXPECT_EQ(mask_conninfo("host=db password=hunter2 port=5432"), "host=db password=*** port=5432");
  EXPECT_EQ(mask_conninfo("password = 'hun ter\\'2' user=x"), "password = *** user=x");
  EXPECT_EQ(mask_conninfo("user=x password='open"), "user=x password=***");
  EXPECT_EQ(mask_conninfo("password=hun\\ ter user=x"), "password=*** user=x");
  EXPECT_EQ(mask_conninfo("sslpassword=a"), "sslpassword=***");
}

TEST(Secrets, PasswordsInUrisAreMasked) {
  EXPECT_EQ(mask_conninfo("postgresql://joe:hunter2@db:5432/app"),
            "postgresql://joe:***@db:5432/app");
  EXPECT_EQ(mask_conninfo("postgres://joe:hun@ter2@db/app"), "postgres://joe:***@db/app");
  EXPECT_EQ(mask_conninfo("postgresql://db/app?user=joe&password=hunter2"),
            "postgresql://db/app?user=joe&password=***");
}

TEST(Secrets, WhatHoldsNoneIsLeftAsItIs) {
  for (std::string_view text :
       {"", "host=/tmp port=5433", "postgresql://joe@db/app?sslmode=require",
        "passfile=/root/.pgpass", "just words"}) {
    EXPECT_EQ(mask_conninfo(text), text);
    EXPECT_FALSE(holds_password(text)) << text;
  }
  EXPECT_TRUE(holds_password("password=x"));
  EXPECT_TRUE(holds_password("postgresql://a:b@c"));
}

}  // namespace
}  // namespace walkback::config
