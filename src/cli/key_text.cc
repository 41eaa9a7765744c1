#include "cli/key_text.h"

#include <fmt/format.h>

#include "cli/human.h"

namespace walkback::cli {

namespace {

constexpr size_t kShownFingerprint = 16;  // digits: gpg's long key id

// As TOML takes it: paths are the only texts here that could hold more than letters.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

template <typename Key>
std::string list_line(std::string_view name, const std::vector<Key>& keys) {
  std::vector<std::string> texts;
  texts.reserve(keys.size());
  for (const Key& key : keys) texts.push_back(quoted(key.text()));
  return fmt::format("  {} = [{}]\n", name, fmt::join(texts, ", "));
}

std::string yes(bool is) { return is ? "yes" : "no"; }

std::string day(Timestamp time) { return local_second(time); }

std::string recipients_lines(const std::vector<crypto::Recipient>& recipients) {
  std::string text;
  for (const crypto::Recipient& recipient : recipients) text += "  " + recipient.text() + "\n";
  return text;
}

std::string new_key(const keys::KeyRecord& key) {
  Fields fields;
  fields.add("recipient", key.recipient.text());
  if (!key.label.empty()) fields.add("label", printable(key.label));
  if (!key.gpg.empty()) fields.add("OpenPGP key", key.gpg);
  return fields.text();
}

std::string reach(const keys::AddKeyReport& report) {
  std::string text;
  if (!report.opens.empty()) {
    text += "\nIt reads what was stored before for\n" + recipients_lines(report.opens);
  }
  if (!report.does_not_open.empty()) {
    text +=
        "\nIt does not read what was stored before for\n" + recipients_lines(report.does_not_open);
    text += fmt::format(
        "because that private key is not at hand here. If no other of the keys above reads it, "
        "run\n"
        "this where it lies (encryption.identity_file, or gpg):\n"
        "  walkback key add {}\n",
        report.key.recipient.text());
  }
  return text;
}

std::string configuration(const keys::AddKeyReport& report, const KeyView& view) {
  if (report.recipients == view.configured) {
    return fmt::format("\n{} names it already.\n", view.config_path);
  }
  std::string text = fmt::format(
      "\nNothing is encrypted to it yet. In {} on every host that archives, under "
      "[encryption]:\n{}",
      view.config_path, list_line("recipients", report.recipients));
  for (const crypto::Recipient& retired : report.retired_in_use) {
    text += fmt::format(
        "{} was retired: put the key that `walkback key rotate` made in its place, or this line "
        "undoes that.\n",
        retired.text());
  }
  return text;
}

}  // namespace

std::string key_list_text(const keys::KeyList& list) {
  Table table({{"ROLE"},
               {"LABEL"},
               {"ADDED"},
               {"RETIRED"},
               {"IN USE"},
               {"AT HAND"},
               {"GPG"},
               {"RECIPIENT"}});
  for (const keys::ListedKey& key : list.keys) {
    const keys::KeyRecord& record = key.record;
    table.row({std::string(keys::role_name(record.role)), printable(record.label),
               key.recorded ? day(record.added_at) : "-",
               record.retired ? day(record.retired->at) : "-", yes(key.in_use), yes(key.at_hand),
               record.gpg.empty()
                   ? "-"
                   : record.gpg.substr(record.gpg.size() - kShownFingerprint, kShownFingerprint),
               record.recipient.text()});
  }
  std::string text = table.empty() ? "No keys.\n" : table.text();
  if (!list.passed_over.empty()) {
    text += "\nObjects that are no keys, passed over:\n";
    for (const std::string& name : list.passed_over) text += "  " + printable(name) + "\n";
  }
  return text;
}

std::string key_add_text(const keys::AddKeyReport& report, const KeyView& view) {
  return fmt::format("{}\n{}{}{}", report.was_there ? "Key, known before" : "Key added",
                     new_key(report.key), reach(report), configuration(report, view));
}

std::string key_rotate_text(const keys::RotateKeyReport& report, const KeyView& view) {
  return fmt::format(
      "New key\n{}{}{}"
      "\nRetired: {}\n"
      "  Keep its private key: until every host has the new line it is still written for, and "
      "what\n"
      "  the new key does not open needs it for ever.\n"
      "  Whoever has a copy of the old private key can read what was stored for it, now and "
      "later:\n"
      "  rotation ends that new data is written for it and takes nothing back.\n",
      new_key(report.added.key), reach(report.added), configuration(report.added, view),
      report.retired.text());
}

std::string key_rotate_host_text(const keys::RotateHostKeyReport& report, const KeyView& view) {
  const crypto::VerifyKey verify = report.key.signing_key.verify_key();
  std::string text = "New host key\n";
  Fields fields;
  fields.add("file", report.file);
  fields.add("recipient", report.key.identity.recipient().text());
  fields.add("signs as", verify.text());
  text += fields.text();
  text += fmt::format("\nIn {}, under [encryption]:\n  host_key_file = {}\n", view.config_path,
                      quoted(report.file));
  if (report.old_signer) {
    std::vector<crypto::VerifyKey> signers = view.trusted_signers;
    signers.push_back(*report.old_signer);
    text += list_line("trusted_signers", signers);
    text +=
        "The second line lets backups that the old key signed count. If the old key was stolen, "
        "leave\n"
        "it out and take a full backup: the thief can sign too.\n"
        "The new key opens the old one, so this host reads its older metadata as before.\n";
  } else {
    text +=
        "The old key was not there: this host cannot read the metadata it wrote before. The next\n"
        "backup has to be a full one, or needs an owner's key.\n";
  }
  return text + fmt::format(
                    "\nWhere owners keep their identity files, this line lets new backups count:\n"
                    "  # walkback-signer: {}\n",
                    verify.text());
}

}  // namespace walkback::cli
