#include "crypto/identity_file.h"

#include <array>
#include <optional>
#include <string>

#include "crypto/bech32.h"

namespace walkback::crypto {
namespace {

struct OtherFile {
  std::string_view start;
  const char* message;
  const char* hint;
};
constexpr const char* kDecryptFirst = "decrypt it first: age -d -o plain.key KEYFILE";
constexpr std::array<OtherFile, 5> kOtherFiles = {{
    {"age-encryption.org/", "the key file is itself encrypted", kDecryptFirst},
    {"-----BEGIN AGE ENCRYPTED FILE", "the key file is itself encrypted", kDecryptFirst},
    {"-----BEGIN PGP", "this is an OpenPGP key, not an age key",
     "a key of GnuPG is named by its id, as gpg:KEYID"},
    {"-----BEGIN", "this is an SSH or PEM key, not an age key", "age-keygen makes an age key"},
    {"ssh-", "this is a public SSH key, not an age key", "age-keygen makes an age key"},
}};

std::optional<Error> other_file(std::string_view text) {
  for (const OtherFile& other : kOtherFiles) {
    if (starts_with_ignoring_case(text, other.start)) {
      return make_error(ErrorKind::kUnsupported, other.message, other.hint);
    }
  }
  return std::nullopt;
}

std::string_view trimmed(std::string_view line) {
  constexpr std::string_view kBlank = " \t\r";
  const size_t first = line.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(kBlank) - first + 1);
}

}  // namespace

Result<std::vector<Identity>> parse_identity_file(std::string_view text) {
  std::vector<Identity> identities;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#') continue;
    if (std::optional<Error> other = other_file(line)) return *std::move(other);
    const Identity identity =
        TRY_CONTEXT(Identity::parse(line), "line " + std::to_string(number) + " of the key file");
    identities.push_back(identity);
  }
  if (identities.empty()) {
    return make_error(ErrorKind::kInvalid, "the key file holds no key",
                      "a key is a line that begins with AGE-SECRET-KEY-1");
  }
  return identities;
}

}  // namespace walkback::crypto
