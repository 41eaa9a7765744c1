#include "keys/key_folder.h"

#include "keys/testing/key_world.h"

namespace walkback::keys {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Folder : public KeyWorld {
 protected:
  KeyRecord record(const std::string& label = "Ada, laptop") {
    return {.recipient = identity().recipient(), .label = label, .added_at = clock_.now()};
  }
};

TEST_F(Folder, ARecordIsReadBack) {
  KeyRecord owner = record();
  owner.gpg = std::string(40, 'A');
  KeyRecord host = record("db1");
  host.role = Role::kHost;
  host.verify = crypto::SigningKey::generate(random_).verify_key();
  host.added_at = host.added_at + std::chrono::seconds(1);
  ASSERT_TRUE(put_key_record(*store_, host).ok());
  ASSERT_TRUE(put_key_record(*store_, owner).ok());
  const KeyFolder read = folder();
  ASSERT_THAT(read.records, SizeIs(2));
  EXPECT_EQ(read.records[0].recipient, owner.recipient) << "oldest first";
  EXPECT_EQ(read.records[0].role, Role::kOwner);
  EXPECT_EQ(read.records[0].gpg, owner.gpg);
  EXPECT_EQ(read.records[0].label, "Ada, laptop");
  EXPECT_EQ(read.records[0].added_at, owner.added_at);
  EXPECT_EQ(read.records[1].role, Role::kHost);
  EXPECT_EQ(read.records[1].verify, host.verify);
  EXPECT_FALSE(read.records[1].retired);
  EXPECT_THAT(read.passed_over, IsEmpty());
}

TEST_F(Folder, ItsNamesAreThoseOfTheFormat) {
  const KeyRecord key = record();
  const std::string id = key.recipient.text().substr(0, 20);
  ASSERT_TRUE(put_key_record(*store_, key).ok());
  ASSERT_TRUE(put_retirement(*store_, key.recipient, {clock_.now(), std::nullopt}).ok());
  EXPECT_THAT(objects(), ElementsAre("keys/" + id + ".json", "keys/" + id + ".retired.json"));
  EXPECT_EQ(wrap_object("age1a", "age1b").text(), "keys/age1a-for-age1b.age");
  EXPECT_EQ(gpg_wrap_object("age1a").text(), "keys/age1a.gpg");
}

TEST_F(Folder, ARetiredKeySaysSinceWhenAndWhatTookItsPlace) {
  const KeyRecord old = record();
  const KeyRecord fresh = record();
  ASSERT_TRUE(put_key_record(*store_, old).ok());
  ASSERT_TRUE(put_retirement(*store_, old.recipient, {clock_.now(), fresh.recipient}).ok());
  const KeyFolder read = folder();
  ASSERT_TRUE(read.find(old.recipient)->retired);
  EXPECT_EQ(read.find(old.recipient)->retired->at, clock_.now());
  EXPECT_EQ(read.find(old.recipient)->retired->successor, fresh.recipient);
  EXPECT_EQ(read.find(fresh.recipient), nullptr);
}

TEST_F(Folder, WhatIsNoKeyIsPassedOverAndNamed) {
  const KeyRecord good = record();
  const KeyRecord other = record();
  const std::string id = key_id(other.recipient);
  ASSERT_TRUE(put_key_record(*store_, good).ok());
  put("keys/" + id + ".json", "{");
  put("keys/" + id + ".retired.json", "[]");
  put("keys/" + std::string(20, 'x') + ".json", "{}");  // no id: nobody's
  put("keys/readme.txt", "hello");
  put(gpg_wrap_object(key_id(good.recipient)).text(), std::string(kMostKeyObjectBytes + 1, 'x'));
  const KeyFolder read = folder();
  EXPECT_THAT(read.records, SizeIs(1));
  EXPECT_THAT(read.gpg_wraps, IsEmpty());
  EXPECT_THAT(read.passed_over, ::testing::UnorderedElementsAre(
                                    "keys/" + id + ".json", "keys/" + id + ".retired.json",
                                    gpg_wrap_object(key_id(good.recipient)).text()));
}

TEST_F(Folder, OfAFloodOnlyAPartIsRead) {
  for (size_t i = 0; i < kMostKeyObjects + 5; ++i) put("keys/junk" + std::to_string(i), "x");
  put("keys/zz", "x");
  EXPECT_THAT(folder().passed_over, SizeIs(1));
}

TEST_F(Folder, WrapsAreKnownByTheirNames) {
  const std::string a = key_id(identity().recipient());
  const std::string b = key_id(identity().recipient());
  put(wrap_object(a, b).text(), "x");
  put(gpg_wrap_object(a).text(), "x");
  put("keys/" + a + "-for-" + a + ".age", "a key for itself");
  put("keys/" + a + "-for-.age", "x");
  put("keys/-for-" + a + ".age", "x");
  const KeyFolder read = folder();
  ASSERT_THAT(read.wraps, SizeIs(1));
  EXPECT_TRUE(read.has_wrap(a, b));
  EXPECT_FALSE(read.has_wrap(b, a));
  ASSERT_THAT(read.gpg_wraps, SizeIs(1));
  EXPECT_EQ(read.gpg_wraps[0].id, a);
}

TEST_F(Folder, ARecordMustBeWholeAndOfItsOwnName) {
  const KeyRecord key = record();
  const std::string id = key_id(key.recipient);
  const std::string good = encode_key_record(key);
  ASSERT_TRUE(decode_key_record(as_bytes(good), id).ok());
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    const auto decoded = decode_key_record(as_bytes(text), id);
    EXPECT_FALSE(decoded.ok()) << text;
    if (decoded.ok()) return;
    EXPECT_EQ(decoded.error().kind, ErrorKind::kCorrupt);
  };
  with("\"recipient\"", "\"recipients\"");
  with("age1", "age2");
  with(key.recipient.text(), identity().recipient().text());
  with("\"owner\"", "\"king\"");
  with("\"owner\"", "7");
  with("Ada", "A\\nda");
  with("2026-11-22T", "yesterday ");
  with("\"label\": ", "\"gpg\": \"abc\", \"label\": ");
  with("\"label\": ", "\"verify\": \"age1\", \"label\": ");
  EXPECT_FALSE(decode_key_record(as_bytes("null"), id).ok());
  EXPECT_FALSE(decode_key_record({}, id).ok());
  EXPECT_FALSE(decode_key_record(as_bytes(std::string(100'000, '[')), id).ok());
}

// Written by version 1; they open for ever.
TEST_F(Folder, RecordsOfTheFirstVersionOpenAndAreWrittenAlike) {
  const std::string folder_of_files = WALKBACK_TESTDATA "/fuzz_key_record/";
  const std::string id = "age13aqvttdk3ujkyjh9";
  for (const std::string name : {"owner.json", "host.json"}) {
    const std::string text = read(folder_of_files + name);
    const auto record = decode_key_record(as_bytes(text), id);
    ASSERT_TRUE(record.ok()) << record.error().message;
    EXPECT_EQ(encode_key_record(*record), text);
  }
  const std::string text = read(folder_of_files + "retired.json");
  const auto retirement = decode_retirement(as_bytes(text), id);
  ASSERT_TRUE(retirement.ok()) << retirement.error().message;
  EXPECT_EQ(encode_retirement(*retirement->successor, *retirement), text);
}

TEST_F(Folder, LabelsAreShortTextAndNoPrivateKeys) {
  EXPECT_TRUE(check_label("").ok());
  EXPECT_TRUE(check_label("Jürgen, Büro").ok());
  EXPECT_FALSE(check_label("two\nlines").ok());
  EXPECT_FALSE(check_label("\x1b[2J").ok());
  EXPECT_FALSE(check_label("\xff").ok());
  EXPECT_FALSE(check_label(std::string(101, 'a')).ok());
  const std::string secret(identity().text().view());
  const auto refused = check_label("my " + secret);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("private key"));
  EXPECT_THAT(refused.error().message, ::testing::Not(HasSubstr(secret.substr(20))));
  EXPECT_FALSE(check_label("walkback-signing-key-1q").ok());
}

}  // namespace
}  // namespace walkback::keys
