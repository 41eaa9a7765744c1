// OpenPGP through gpgme. A context for each call: they are cheap beside the process gpgme starts.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "keys/gpgme_library.h"
#include "keys/open_pgp.h"

namespace walkback::keys {
namespace {

// An identity file with room to spare; what decrypts to more is none.
constexpr size_t kMostPlaintext = 64 << 10;
// More keys than this fit no name that is meant for one.
constexpr size_t kMostMatches = 100;
constexpr size_t kLongKeyId = 16;
constexpr size_t kShortKeyId = 8;

std::string error_text(const Gpgme& gpgme, gpgme_error_t error) {
  std::array<char, 256> text{};
  (void)gpgme.gpgme_strerror_r(error, text.data(), text.size());
  return text.data();
}

// ---- Ownership of gpgme's things ----

class Context {
 public:
  static Result<Context> open(const Gpgme& gpgme, const GpgOptions& options);
  ~Context() {
    if (context_ != nullptr) gpgme_.gpgme_release(context_);
  }
  Context(Context&& other) noexcept
      : gpgme_(other.gpgme_), context_(std::exchange(other.context_, nullptr)) {}
  Context& operator=(Context&&) = delete;
  gpgme_ctx_t get() const { return context_; }

 private:
  Context(const Gpgme& gpgme, gpgme_ctx_t context) : gpgme_(gpgme), context_(context) {}
  Result<void> set_up(const GpgOptions& options);

  const Gpgme& gpgme_;
  gpgme_ctx_t context_;
};

class Key {
 public:
  Key(const Gpgme& gpgme, gpgme_key_t key) : gpgme_(&gpgme), key_(key) {}
  ~Key() {
    if (key_ != nullptr) gpgme_->gpgme_key_unref(key_);
  }
  Key(Key&& other) noexcept : gpgme_(other.gpgme_), key_(std::exchange(other.key_, nullptr)) {}
  Key& operator=(Key&& other) noexcept {
    std::swap(key_, other.key_);
    return *this;
  }
  const _gpgme_key* operator->() const { return key_; }
  gpgme_key_t get() const { return key_; }

 private:
  const Gpgme* gpgme_;
  gpgme_key_t key_;
};

class Data {
 public:
  explicit Data(const Gpgme& gpgme) : gpgme_(gpgme) {}
  ~Data() {
    if (data_ != nullptr) gpgme_.gpgme_data_release(data_);
  }
  Data(const Data&) = delete;
  Data& operator=(const Data&) = delete;
  gpgme_data_t* out() { return &data_; }
  gpgme_data_t get() const { return data_; }

 private:
  const Gpgme& gpgme_;
  gpgme_data_t data_ = nullptr;
};

// Where gpgme writes to: a fixed room, so that nothing is copied as it grows.
class Sink {
 public:
  explicit Sink(size_t most) : room_(most, '\0') {}
  ~Sink() { crypto::wipe(std::as_writable_bytes(std::span(room_))); }
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  std::string text() const { return room_.substr(0, size_); }

  gpgme_error_t attach(const Gpgme& gpgme, Data& data) {
    return gpgme.gpgme_data_new_from_cbs(data.out(), &callbacks_, this);
  }

 private:
  static ssize_t write(void* handle, const void* bytes, size_t size) {
    Sink& sink = *static_cast<Sink*>(handle);
    if (size > sink.room_.size() - sink.size_) {
      errno = EFBIG;
      return -1;
    }
    std::copy_n(static_cast<const char*>(bytes), size,
                sink.room_.begin() + static_cast<ptrdiff_t>(sink.size_));
    sink.size_ += size;
    return static_cast<ssize_t>(size);
  }

  std::string room_;
  size_t size_ = 0;
  gpgme_data_cbs callbacks_{.read = nullptr, .write = write, .seek = nullptr, .release = nullptr};
};

// ---- Opening ----

Error no_gpg() {
  return make_error(ErrorKind::kMissing, "GnuPG 2 is not installed on this host",
                    "install it (Debian: apt-get install gnupg), or use an age key");
}

Result<Context> Context::open(const Gpgme& gpgme, const GpgOptions& options) {
  gpgme_ctx_t raw = nullptr;
  if (gpgme_error_t error = gpgme.gpgme_new(&raw); error != 0) {
    return make_error(ErrorKind::kIo, "gpgme does not start: " + error_text(gpgme, error));
  }
  Context context(gpgme, raw);
  TRY(context.set_up(options));
  return Result<Context>(std::move(context));
}

Result<void> Context::set_up(const GpgOptions& options) {
  if (gpgme_.gpgme_set_protocol(context_, GPGME_PROTOCOL_OpenPGP) != 0) return no_gpg();
  if (!options.program.empty() || !options.home_directory.empty()) {
    const auto or_default = [](const std::string& text) {
      return text.empty() ? nullptr : text.c_str();
    };
    if (gpgme_.gpgme_ctx_set_engine_info(context_, GPGME_PROTOCOL_OpenPGP,
                                         or_default(options.program),
                                         or_default(options.home_directory)) != 0) {
      return no_gpg();
    }
  }
  // For a program that does not run gpgme says "1.0.0", and lists no keys without an error. A real
  // GnuPG 1 does not ask an agent.
  for (gpgme_engine_info_t info = gpgme_.gpgme_ctx_get_engine_info(context_); info != nullptr;
       info = info->next) {
    if (info->protocol != GPGME_PROTOCOL_OpenPGP || info->version == nullptr) continue;
    if (!std::string_view(info->version).starts_with("1.")) return success();
  }
  return no_gpg();
}

// ---- Finding ----

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return isxdigit(c) != 0; });
}

// How a key was named.
struct Name {
  std::string text;
  bool exact = false;  // a fingerprint or a long key id
};

Result<Name> read_name(std::string_view name) {
  std::string digits(name);
  std::erase(digits, ' ');
  if (digits.starts_with("0x") || digits.starts_with("0X")) digits.erase(0, 2);
  if (is_hex(digits)) {
    if (digits.size() == kLongKeyId || digits.size() == 40 || digits.size() == 64) {
      return Name{digits, true};
    }
    if (digits.size() == kShortKeyId) {
      return make_error(
          ErrorKind::kInvalid,
          fmt::format("gpg:{} is too short to name a key safely: others can make "
                      "one with the same digits",
                      name),
          fmt::format("give the fingerprint that `gpg --fingerprint {}` shows", name));
    }
  }
  const bool odd =
      std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  if (name.empty() || name.starts_with('-') || odd) {
    return make_error(ErrorKind::kInvalid, "after \"gpg:\" stands no key of GnuPG",
                      "gpg:FINGERPRINT, as `gpg --fingerprint` shows it");
  }
  return Name{std::string(name), false};
}

Result<std::vector<Key>> matches(const Gpgme& gpgme, const Context& context,
                                 const std::string& pattern) {
  std::vector<Key> keys;
  gpgme_error_t error = gpgme.gpgme_op_keylist_start(context.get(), pattern.c_str(), 0);
  while (error == 0 && keys.size() < kMostMatches) {
    gpgme_key_t key = nullptr;
    error = gpgme.gpgme_op_keylist_next(context.get(), &key);
    if (error == 0) keys.emplace_back(gpgme, key);
  }
  (void)gpgme.gpgme_op_keylist_end(context.get());
  if (error != 0 && gpgme_err_code(error) != GPG_ERR_EOF) {
    return make_error(ErrorKind::kIo, "gpg cannot list its keys: " + error_text(gpgme, error),
                      "`gpg --list-keys` as this user shows more");
  }
  return Result<std::vector<Key>>(std::move(keys));
}

std::string fingerprint_of(const Key& key) { return key->fpr == nullptr ? "" : key->fpr; }
std::string user_id_of(const Key& key) {
  return key->uids == nullptr || key->uids->uid == nullptr ? "" : key->uids->uid;
}

bool has_lapsed_encryption(const Key& key) {
  for (const _gpgme_subkey* subkey = key->subkeys; subkey != nullptr; subkey = subkey->next) {
    if (subkey->can_encrypt && (subkey->expired || subkey->revoked)) return true;
  }
  return false;
}

bool is_trusted(const Key& key) {
  for (const _gpgme_user_id* uid = key->uids; uid != nullptr; uid = uid->next) {
    const bool valid =
        uid->validity == GPGME_VALIDITY_FULL || uid->validity == GPGME_VALIDITY_ULTIMATE;
    if (valid && !uid->revoked && !uid->invalid) return true;
  }
  return false;
}

Error unusable(std::string message, std::string hint) {
  return make_error(ErrorKind::kInvalid, std::move(message), std::move(hint));
}

// Why nothing can be encrypted to this key now.
Result<void> check_usable(const Key& key) {
  const std::string fpr = fingerprint_of(key);
  if (key->revoked) {
    return unusable(fmt::format("OpenPGP key {} is revoked", fpr), "name another key");
  }
  if (key->expired) {
    return unusable(fmt::format("OpenPGP key {} has expired", fpr),
                    fmt::format("its owner can extend it: gpg --quick-set-expire {} 2y", fpr));
  }
  if (key->disabled) {
    return unusable(fmt::format("OpenPGP key {} is disabled in this keyring", fpr),
                    fmt::format("gpg --edit-key {} enable save", fpr));
  }
  if (key->invalid || fpr.empty()) {
    return unusable(fmt::format("OpenPGP key {} is not valid", fpr),
                    "`gpg --check-signatures` shows more; name another key");
  }
  if (key->can_encrypt) return success();
  if (has_lapsed_encryption(key)) {
    return unusable(
        fmt::format("the encryption subkey of OpenPGP key {} has expired or is revoked", fpr),
        fmt::format("its owner can add one: gpg --quick-add-key {} cv25519 encr", fpr));
  }
  return unusable(fmt::format("OpenPGP key {} cannot encrypt: it has no encryption subkey", fpr),
                  fmt::format("its owner can add one: gpg --quick-add-key {} cv25519 encr", fpr));
}

Error unknown(std::string_view name) {
  return make_error(ErrorKind::kMissing,
                    fmt::format("gpg has no public key {} in this user's keyring", name),
                    "`gpg --list-keys`, run as this user, shows those it has; `gpg --import FILE` "
                    "takes one in");
}

Error ambiguous(std::string_view name, const std::vector<Key>& keys) {
  std::vector<std::string> fingerprints;
  fingerprints.reserve(keys.size());
  for (const Key& key : keys) fingerprints.push_back(fingerprint_of(key));
  return unusable(fmt::format("{} OpenPGP keys fit gpg:{}: {}", keys.size(), name,
                              fmt::join(fingerprints, ", ")),
                  "name one by its fingerprint: gpg:FINGERPRINT");
}

// The one that is meant. Of several, those that cannot be used now are not.
Result<Key> choose(std::string_view name, std::vector<Key> keys) {
  if (keys.empty()) return unknown(name);
  std::vector<Key> usable;
  Result<void> why_not;
  for (Key& key : keys) {
    Result<void> checked = check_usable(key);
    if (checked.ok()) {
      usable.push_back(std::move(key));
    } else if (why_not.ok()) {
      why_not = std::move(checked);
    }
  }
  if (usable.empty()) return std::move(why_not).error();
  if (usable.size() > 1) return ambiguous(name, usable);
  return Result<Key>(std::move(usable.front()));
}

// ---- What went wrong ----

Error not_encrypted(const Gpgme& gpgme, gpgme_error_t error, const OpenPgpKey& key) {
  return make_error(
      ErrorKind::kIo,
      fmt::format("gpg cannot encrypt to {}: {}", key.fingerprint, error_text(gpgme, error)),
      fmt::format("`echo test | gpg -e -r {}` as this user shows more", key.fingerprint));
}

// gpg says "decryption failed" for most reasons; the recipients' own status says which.
gpgme_err_code_t decrypt_reason(const Gpgme& gpgme, const Context& context, gpgme_error_t error) {
  const gpgme_err_code_t code = gpgme_err_code(error);
  if (code != GPG_ERR_DECRYPT_FAILED) return code;
  const gpgme_decrypt_result_t result = gpgme.gpgme_op_decrypt_result(context.get());
  if (result == nullptr || result->recipients == nullptr) return code;
  for (gpgme_recipient_t r = result->recipients; r != nullptr; r = r->next) {
    if (gpgme_err_code(r->status) != GPG_ERR_NO_SECKEY) return code;
  }
  return GPG_ERR_NO_SECKEY;
}

Error not_decrypted(gpgme_err_code_t reason, const std::string& text, std::string_view what) {
  switch (reason) {
    case GPG_ERR_NO_SECKEY:
      return make_error(ErrorKind::kMissing,
                        fmt::format("gpg has no secret key that opens {}", what),
                        "run this as the user, and on the host, where `gpg --list-secret-keys` "
                        "shows that key");
    case GPG_ERR_CANCELED:
    case GPG_ERR_FULLY_CANCELED:
      return make_error(ErrorKind::kCancelled,
                        fmt::format("gpg was not given the passphrase for {}", what),
                        "run it again and enter the passphrase");
    case GPG_ERR_BAD_PASSPHRASE:
    case GPG_ERR_BAD_PIN:
      return make_error(ErrorKind::kDenied, fmt::format("wrong passphrase for {}", what),
                        "run it again; walkback knows no other way into that key");
    case GPG_ERR_NO_PIN_ENTRY:
    case GPG_ERR_PIN_ENTRY:
    case GPG_ERR_ENOTTY:
    case GPG_ERR_NO_AGENT:
    case GPG_ERR_TIMEOUT:
      return make_error(ErrorKind::kDenied,
                        fmt::format("gpg could not ask for the passphrase for {}: {}", what, text),
                        "on a terminal: export GPG_TTY=$(tty); pinentry must be installed");
    case GPG_ERR_EFBIG:
      return make_error(ErrorKind::kCorrupt, fmt::format("{} holds more than a private key", what));
    case GPG_ERR_NO_DATA:
    case GPG_ERR_BAD_DATA:
    case GPG_ERR_DECRYPT_FAILED:
      return make_error(ErrorKind::kCorrupt, fmt::format("gpg cannot decrypt {}: {}", what, text),
                        "restore this object from another copy of the repository");
    default:
      return make_error(ErrorKind::kIo, fmt::format("gpg cannot decrypt {}: {}", what, text),
                        "`gpg -d` on that object, as this user, shows more");
  }
}

// ---- The interface ----

class Gpg final : public OpenPgp {
 public:
  explicit Gpg(GpgOptions options) : options_(std::move(options)) {}

  Result<OpenPgpKey> find(std::string_view name) override {
    const Name wanted = TRY(read_name(name));
    const Gpgme& gpgme = *TRY(load_gpgme());
    const Context context = TRY(Context::open(gpgme, options_));
    const Key key = TRY(choose(name, TRY(matches(gpgme, context, wanted.text))));
    if (!wanted.exact && !is_trusted(key)) {
      return unusable(
          fmt::format("gpg does not know whether key {} is really that of {}", fingerprint_of(key),
                      name),
          "compare the fingerprint with its owner's, then name the key by it: gpg:FINGERPRINT");
    }
    return OpenPgpKey{fingerprint_of(key), user_id_of(key)};
  }

  Result<std::string> encrypt(const OpenPgpKey& key, std::string_view plain) override {
    const Gpgme& gpgme = *TRY(load_gpgme());
    const Context context = TRY(Context::open(gpgme, options_));
    gpgme.gpgme_set_armor(context.get(), 1);
    gpgme_key_t raw = nullptr;
    gpgme_error_t error = gpgme.gpgme_get_key(context.get(), key.fingerprint.c_str(), &raw, 0);
    if (error != 0) return unknown(key.fingerprint);
    const Key recipient(gpgme, raw);
    TRY(check_usable(recipient));
    Data in(gpgme);
    Data out(gpgme);
    Sink sink(kMostPlaintext);
    error = gpgme.gpgme_data_new_from_mem(in.out(), plain.data(), plain.size(), /*copy=*/0);
    if (error == 0) error = sink.attach(gpgme, out);
    if (error == 0) {
      std::array<gpgme_key_t, 2> recipients{recipient.get(), nullptr};
      // The key was chosen by the user and found by find(). NO_ENCRYPT_TO: a default key in
      // gpg.conf must not be able to read it too.
      const auto flags = static_cast<gpgme_encrypt_flags_t>(
          GPGME_ENCRYPT_ALWAYS_TRUST | GPGME_ENCRYPT_NO_ENCRYPT_TO | GPGME_ENCRYPT_NO_COMPRESS);
      error = gpgme.gpgme_op_encrypt(context.get(), recipients.data(), flags, in.get(), out.get());
    }
    if (error != 0) return not_encrypted(gpgme, error, key);
    return sink.text();
  }

  Result<crypto::SecretText> decrypt(ByteView message, std::string_view what) override {
    const Gpgme& gpgme = *TRY(load_gpgme());
    const Context context = TRY(Context::open(gpgme, options_));
    Data in(gpgme);
    Data out(gpgme);
    Sink sink(kMostPlaintext);
    gpgme_error_t error = gpgme.gpgme_data_new_from_mem(in.out(), as_text(message).data(),
                                                        message.size(), /*copy=*/0);
    if (error == 0) error = sink.attach(gpgme, out);
    if (error == 0) error = gpgme.gpgme_op_decrypt(context.get(), in.get(), out.get());
    if (error != 0) {
      return not_decrypted(decrypt_reason(gpgme, context, error), error_text(gpgme, error), what);
    }
    return crypto::SecretText(sink.text());
  }

 private:
  const GpgOptions options_;
};

}  // namespace

std::unique_ptr<OpenPgp> make_gpg(const GpgOptions& options) {
  return std::make_unique<Gpg>(options);
}

OpenPgp& system_gpg() {
  static Gpg gpg{GpgOptions{}};
  return gpg;
}

}  // namespace walkback::keys
