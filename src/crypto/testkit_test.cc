// The age project's own cases. (testdata/README.md says where they are from)
#include <gtest/gtest.h>
#include <openssl/sha.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "crypto/decrypt.h"

namespace walkback::crypto {
namespace {

constexpr uint64_t kLimit = 32 << 20;

struct Case {
  std::map<std::string, std::string> fields;
  std::vector<Identity> identities;
  Bytes file;
};

Bytes inflated(ByteView compressed) {
  Bytes out(kLimit);
  uLongf size = out.size();
  EXPECT_EQ(uncompress(reinterpret_cast<Bytef*>(out.data()), &size,
                       reinterpret_cast<const Bytef*>(compressed.data()), compressed.size()),
            Z_OK);
  out.resize(size);
  return out;
}

// The testkit's README has the format: fields, an empty line, the file.
Case read_case(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  const std::string all(std::istreambuf_iterator<char>(stream), {});
  Case read;
  size_t at = 0;
  while (at < all.size() && all[at] != '\n') {
    const size_t end = all.find('\n', at);
    const size_t colon = all.find(": ", at);
    const std::string value = all.substr(colon + 2, end - colon - 2);
    const std::string name = all.substr(at, colon - at);
    read.fields[name] = value;
    if (name == "identity") {
      const Result<Identity> identity = Identity::parse(value);
      // The vectors of both key types name one of each.
      if (identity.ok()) read.identities.push_back(*identity);
      EXPECT_EQ(identity.ok(), value.find("-PQ-") == std::string::npos) << value;
    }
    at = end + 1;
  }
  read.file = to_bytes(as_bytes(all).subspan(at + 1));
  if (read.fields.contains("compressed")) read.file = inflated(read.file);
  return read;
}

std::string sha256(ByteView bytes) {
  Bytes digest(SHA256_DIGEST_LENGTH);
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return to_hex(digest);
}

// What became of the file, in the testkit's words.
std::string outcome(const Case& tested) {
  const Result<std::optional<Header>> header = Header::parse(tested.file);
  if (!header.ok()) {
    EXPECT_TRUE(header.error().kind == ErrorKind::kCorrupt ||
                header.error().kind == ErrorKind::kUnsupported);
    return "header failure";
  }
  if (!header->has_value()) return "header failure";  // it wants more than there is
  const Result<PayloadKey> key = (*header)->unwrap(tested.identities);
  if (!key.ok()) {
    if (key.error().kind == ErrorKind::kDenied) return "no match";
    EXPECT_EQ(key.error().kind, ErrorKind::kCorrupt);
    const bool mac = key.error().message.find("MAC") != std::string::npos;
    return mac ? "HMAC failure" : "header failure";
  }
  const Result<Bytes> plaintext = decrypt(tested.file, tested.identities, kLimit);
  if (plaintext.ok()) return "success";
  EXPECT_EQ(plaintext.error().kind, ErrorKind::kCorrupt);
  return "payload failure";
}

std::vector<std::filesystem::path> cases() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(WALKBACK_TESTDATA "/testkit")) {
    const std::string name = entry.path().filename();
    // Refused on purpose; the test below.
    if (name != "scrypt" && name != "armor_x25519") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

class Testkit : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(Testkit, EndsAsTheAgeProjectSays) {
  const Case tested = read_case(GetParam());
  const std::string expected = tested.fields.at("expect");
  ASSERT_EQ(outcome(tested), expected);
  if (expected != "success") return;
  EXPECT_EQ(sha256(decrypt(tested.file, tested.identities, kLimit).value()),
            tested.fields.at("payload"));
}

INSTANTIATE_TEST_SUITE_P(Cases, Testkit, testing::ValuesIn(cases()),
                         [](const auto& named) { return named.param.filename().string(); });

TEST(TestkitFolder, IsAllThere) { EXPECT_EQ(cases().size(), 69U); }

TEST(TestkitFolder, PassphrasesAndArmorAreRefusedByName) {
  const Case passphrase = read_case(WALKBACK_TESTDATA "/testkit/scrypt");
  const Error by_passphrase = decrypt(passphrase.file, {}, kLimit).error();
  EXPECT_EQ(by_passphrase.kind, ErrorKind::kUnsupported);
  EXPECT_EQ(by_passphrase.message, "it is encrypted with a passphrase, not to a key");
  const Case armor = read_case(WALKBACK_TESTDATA "/testkit/armor_x25519");
  const Error armored = decrypt(armor.file, armor.identities, kLimit).error();
  EXPECT_EQ(armored.kind, ErrorKind::kUnsupported);
  EXPECT_EQ(armored.message, "it is an age file in ASCII armor");
}

}  // namespace
}  // namespace walkback::crypto
