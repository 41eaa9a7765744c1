// Debian's age reads what we write, and we read what it writes.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "crypto/decrypt.h"
#include "crypto/encrypt.h"
#include "crypto/identity_file.h"
#include "crypto/test_keys.h"

namespace walkback::crypto {
namespace {

constexpr uint64_t kLimit = 32 << 20;

class AgePeer : public testing::TestWithParam<std::tuple<size_t, uint64_t>> {
 protected:
  AgePeer() {
    std::string name = "/tmp/walkback-age-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~AgePeer() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ / name; }
  void write(const std::string& name, std::string_view content) const {
    std::ofstream(path(name), std::ios::binary) << content;
  }
  Bytes read(const std::string& name) const {
    std::ifstream stream(path(name), std::ios::binary);
    const std::string content(std::istreambuf_iterator<char>(stream), {});
    return to_bytes(as_bytes(content));
  }
  // `age` is in tools/packages.txt: without it the test fails.
  bool run(const std::string& command) const {
    return std::system(("cd " + folder_.string() + " && " + command + " 2>messages").c_str()) == 0;
  }

  std::filesystem::path folder_;
};

TEST_P(AgePeer, ReadsWhatWeWrote) {
  const auto [size, count] = GetParam();
  const std::vector<Identity> identities = test_identities(count);
  const Bytes plaintext = test_bytes(size);
  SeededRandom random(1);
  write("file.age", as_text(encrypt(plaintext, recipients_of(identities), random)));
  for (const Identity& identity : identities) {
    write("key", identity.text().view());
    ASSERT_TRUE(run("age -d -i key -o plain file.age")) << as_text(read("messages"));
    EXPECT_EQ(read("plain"), plaintext);
  }
}

TEST_P(AgePeer, WritesWhatWeRead) {
  const auto [size, count] = GetParam();
  const std::vector<Identity> identities = test_identities(count);
  const Bytes plaintext = test_bytes(size);
  write("plain", as_text(plaintext));
  std::string command = "age -o file.age";
  for (const Recipient& recipient : recipients_of(identities)) command += " -r " + recipient.text();
  ASSERT_TRUE(run(command + " plain")) << as_text(read("messages"));
  const Bytes file = read("file.age");
  EXPECT_EQ(file.size(), encrypted_size(size, count)) << "age 1.1 writes no grease";
  for (const Identity& identity : identities) {
    EXPECT_EQ(decrypt(file, std::span(&identity, 1), kLimit).value(), plaintext);
  }
}

INSTANTIATE_TEST_SUITE_P(SizesAndRecipients, AgePeer,
                         testing::Combine(testing::Values(0, 1, 65'535, 65'536, 65'537, 131'072,
                                                          1'000'003),
                                          testing::Values(1, 3)));

class AgeKeygen : public AgePeer {};

TEST_P(AgeKeygen, MakesKeysWeReadAndReadsOurs) {
  ASSERT_TRUE(run("age-keygen -o made"));
  const Bytes made = read("made");
  const std::vector<Identity> identities = parse_identity_file(as_text(made)).value();
  ASSERT_EQ(identities.size(), 1U);
  EXPECT_NE(as_text(made).find(identities[0].recipient().text()), std::string_view::npos);

  write("ours", test_identity(1).text().view());
  ASSERT_TRUE(run("age-keygen -y ours >public"));
  EXPECT_EQ(as_text(read("public")), test_identity(1).recipient().text() + "\n");
}

TEST_P(AgeKeygen, AKeyFileWithAPassphraseIsRefusedByName) {
  ASSERT_TRUE(run("age-keygen -o made"));
  ASSERT_TRUE(run("age -o encrypted -r " + test_identity(1).recipient().text() + " made"));
  EXPECT_EQ(parse_identity_file(as_text(read("encrypted"))).error().kind, ErrorKind::kUnsupported);
}

INSTANTIATE_TEST_SUITE_P(Once, AgeKeygen, testing::Values(std::tuple<size_t, uint64_t>()));

}  // namespace
}  // namespace walkback::crypto
