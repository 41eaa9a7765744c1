#include "keys/host_key.h"

#include <fmt/format.h>

#include <optional>

#include "base/time_text.h"
#include "keys/private_file.h"
#include "keys/text_lines.h"

namespace walkback::keys {
namespace {

constexpr std::string_view kIdentity = "AGE-SECRET-KEY-1";
constexpr std::string_view kSigningKey = "WALKBACK-SIGNING-KEY-1";

constexpr std::string_view kHeader =
    "# walkback: the key of the database host {}\n"
    "# created: {}\n"
    "# public keys: {} {}\n"
    "# It can read names, page maps and WAL indexes, but no table data, and it signs what this\n"
    "# host writes. Keep it on this host, for the user who runs walkback alone. If it is lost,\n"
    "# nothing else is: `walkback key rotate --host` makes another.\n";

Error invalid(std::string message) {
  return make_error(ErrorKind::kInvalid, std::move(message),
                    "a host key file holds one line AGE-SECRET-KEY-1… and one "
                    "WALKBACK-SIGNING-KEY-1…, as walkback wrote it");
}

// One key a line, each kind once.
struct Lines {
  std::optional<crypto::Identity> identity;
  std::optional<crypto::SigningKey> signing_key;

  Result<void> read(std::string_view line) {
    if (line.starts_with(kIdentity)) {
      if (identity) return invalid("a second age key");
      identity = TRY(crypto::Identity::parse(line));
      return success();
    }
    if (line.starts_with(kSigningKey)) {
      if (signing_key) return invalid("a second signing key");
      signing_key = TRY(crypto::SigningKey::parse(line));
      return success();
    }
    return invalid("this is no key");
  }
};

}  // namespace

Result<HostKey> parse_host_key(std::string_view text) {
  Lines lines;
  for (size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = next_line(text);
    if (line.empty() || line.starts_with('#')) continue;
    TRY_CONTEXT(lines.read(line), fmt::format("line {} of the host key file", number));
  }
  if (!lines.identity) return invalid("the host key file holds no age key");
  if (!lines.signing_key) {
    return invalid("the host key file holds no signing key; an owner's identity file is another");
  }
  return HostKey{*lines.identity, *lines.signing_key};
}

crypto::SecretText host_key_text(const HostKey& key, Timestamp made, std::string_view host) {
  const std::string head =
      fmt::format(kHeader, host, to_iso_utc(made), key.identity.recipient().text(),
                  key.signing_key.verify_key().text());
  return joined_secret(
      {head, key.identity.text().view(), "\n", key.signing_key.text().view(), "\n"});
}

Result<HostKey> create_host_key(FileSystem& files, Random& random, Clock& clock,
                                const std::string& path, std::string_view host) {
  HostKey key{crypto::Identity::generate(random), crypto::SigningKey::generate(random)};
  TRY(write_private_file(files, random, path, host_key_text(key, clock.now(), host).view()));
  return key;
}

Result<HostKey> load_host_key(FileSystem& files, const std::string& path, uint32_t user_id) {
  const crypto::SecretText text =
      TRY(read_private_file(files, path, user_id, "`walkback key rotate --host`"));
  return TRY_CONTEXT(parse_host_key(text.view()), path);
}

}  // namespace walkback::keys
