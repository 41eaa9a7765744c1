#include "keys/custody.h"

#include <fmt/format.h>

namespace walkback::keys {
namespace {

std::vector<std::string> for_file(const std::string& file) {
  return {
      fmt::format("THE PRIVATE KEY lies in {}.", file),
      "WITHOUT IT NOTHING STORED FOR IT CAN BE RESTORED, BY ANYBODY. Before you rely on it:",
      "  1. Keep it in at least two other places: on paper, in a password safe, on another host.",
      "     It is a text of a few lines.",
      "  2. Then remove it from the database host: whoever steals that must not find it there.",
      fmt::format("       shred -u {}", file),
      "  3. Archiving, backups and list never need it. A recovery does: bring a copy of it for "
      "that "
      "time.",
      "       `WALKBACK_ENCRYPTION_IDENTITY_FILE=COPY walkback recover ...`",
  };
}

std::vector<std::string> for_gpg(const std::string& fingerprint) {
  return {
      fmt::format("THE PRIVATE KEY lies in the repository, encrypted to OpenPGP key {}.",
                  fingerprint),
      "WITHOUT THE SECRET HALF OF THAT KEY NOTHING STORED FOR IT CAN BE RESTORED, BY ANYBODY.",
      "Before you rely on it:",
      "  1. Keep it in at least two places, with its passphrase, and not on this host:",
      fmt::format("       gpg --export-secret-keys --armor {} > FILE", fingerprint),
      "  2. Expired or revoked, it still opens what was encrypted to it. Deleted, it does not.",
      "  3. A recovery asks gpg for it: run it as the user who has the key.",
  };
}

std::vector<std::string> for_given(const crypto::Recipient& recipient) {
  return {
      fmt::format("THE PRIVATE KEY of {} is with its owner alone.", recipient.text()),
      "WITHOUT IT NOTHING STORED FOR IT CAN BE RESTORED, BY ANYBODY. Before you rely on it:",
      "  1. Make sure that its file (AGE-SECRET-KEY-1...) lies in at least two places.",
      "  2. A recovery needs it, and is told where:",
      "       `WALKBACK_ENCRYPTION_IDENTITY_FILE=FILE walkback recover ...`",
  };
}

// age does not say who wrote a file; without this a bare machine cannot tell whose a backup is.
std::vector<std::string> for_signers(const Custody& custody) {
  std::vector<std::string> lines;
  if (custody.signers.empty()) return lines;
  lines.emplace_back(
      custody.file.empty()
          ? "Keep with the key which hosts' backups to believe, as lines of its file or in "
            "encryption.trusted_signers:"
          : "The file also names the hosts whose backups to believe:");
  for (const crypto::VerifyKey& signer : custody.signers) {
    lines.push_back(fmt::format("       # walkback-signer: {}", signer.text()));
  }
  return lines;
}

}  // namespace

std::vector<std::string> custody_lines(const Custody& custody) {
  std::vector<std::string> lines;
  if (!custody.file.empty()) {
    lines = for_file(custody.file);
  } else if (!custody.gpg_fingerprint.empty()) {
    lines = for_gpg(custody.gpg_fingerprint);
  } else {
    lines = for_given(custody.recipient);
  }
  for (std::string& line : for_signers(custody)) lines.push_back(std::move(line));
  return lines;
}

}  // namespace walkback::keys
