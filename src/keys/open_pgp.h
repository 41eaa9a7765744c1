// OpenPGP keys of the user, through GnuPG. gpg only wraps age keys here, never data: one key a
// repository, so a process for each costs nothing.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/secret.h"

namespace walkback::keys {

struct OpenPgpKey {
  std::string fingerprint;  // 40 or 64 upper-case hexadecimal digits
  std::string user_id;      // "Ada <ada@example.org>"
};

// Thread-safe.
class OpenPgp {
 public:
  virtual ~OpenPgp() = default;

  // The one key that `name` means and that can be encrypted to now. A fingerprint or a key id of 16
  // digits names a key exactly; of another text (an address), gpg must know by its web of trust
  // that it is the key's. Each reason why not has its own message: unknown, ambiguous, revoked,
  // expired, disabled, without encryption, not trusted, no gpg on this host.
  virtual Result<OpenPgpKey> find(std::string_view name) = 0;

  // Encrypted to this key and no other, in ASCII armor, so that it can be printed.
  virtual Result<std::string> encrypt(const OpenPgpKey& key, std::string_view plain) = 0;

  // `what` names the message in errors. May ask the user for a passphrase. kMissing: no secret key
  // (or no gpg) here; kDenied: a wrong passphrase, or nobody to ask; kCancelled: the user did not
  // want to; kCorrupt.
  virtual Result<crypto::SecretText> decrypt(ByteView message, std::string_view what) = 0;
};

// Of the user who runs this: starts the gpg that gpgme finds, with GNUPGHOME as it is set. The
// library is loaded at the first call. Lives for the whole program.
OpenPgp& system_gpg();

struct GpgOptions {
  std::string program;         // empty: the one gpgme finds
  std::string home_directory;  // empty: GNUPGHOME or ~/.gnupg
};
std::unique_ptr<OpenPgp> make_gpg(const GpgOptions& options);

}  // namespace walkback::keys
