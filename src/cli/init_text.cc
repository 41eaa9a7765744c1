#include <fmt/format.h>

#include <algorithm>

#include "cli/human.h"
#include "cli/text.h"

namespace walkback::cli {

namespace {

// 150018 is 15.18 (PG_VERSION_NUM since 10).
std::string server_version(int version_num) {
  return fmt::format("PostgreSQL {}.{}", version_num / 10000, version_num % 10000);
}

// As postgresql.conf takes it.
std::string setting_line(const setup::ServerSetting& setting) {
  std::string value;
  for (char c : setting.wanted) value += c == '\'' ? std::string("''") : std::string(1, c);
  const std::string line = printable(fmt::format("{} = '{}'", setting.name, value));
  if (setup::archives_elsewhere(setting)) {
    return fmt::format("{}\n    # goes elsewhere now; that archive ends there: {}", line,
                       printable(setting.current));
  }
  return setting.needs_restart ? line + "    # takes a restart" : line;
}

std::string settings_text(const setup::InitReport& report) {
  std::string set, pending, missing;
  for (const auto& setting : report.settings) {
    const bool by_us = std::ranges::find(report.set, setting.name) != report.set.end();
    if (setting.satisfied() && !by_us) continue;
    (setting.satisfied() ? set
     : setting.pending   ? pending
                         : missing) += "  " + setting_line(setting) + "\n";
  }
  std::string text;
  if (!set.empty()) text += "Set in postgresql.auto.conf (ALTER SYSTEM), and in effect:\n" + set;
  if (!pending.empty()) text += "Set, and waiting for a restart of PostgreSQL:\n" + pending;
  if (!missing.empty()) {
    text += "Put into postgresql.conf (or run this again with --apply):\n" + missing;
  }
  return text.empty() ? "PostgreSQL's settings are as they must be.\n" : text;
}

std::string encryption_text(const config::Config& config) {
  if (config.encryption == "none") return "none: whoever reads the repository reads the data";
  return fmt::format("age, to {}", fmt::join(config.encryption_recipients, ", "));
}

std::string next_text(const setup::InitReport& report) {
  if (!report.proved_segment.empty()) {
    return fmt::format(
        "Proof: the server archived segment {}, and it reads back as it was.\n"
        "Next: `walkback backup`\n",
        report.proved_segment);
  }
  const bool to_be_made = std::ranges::any_of(report.settings, [](const auto& setting) {
    return !setting.satisfied() && !setting.pending;
  });
  return fmt::format(
      "Next: {}{} PostgreSQL, then `walkback init` again for the proof, then `walkback backup`: "
      "before the {} no backup can be taken.\n",
      to_be_made ? "make these settings, " : "", report.restart_required ? "restart" : "reload",
      report.restart_required ? "restart" : "proof");
}

}  // namespace

std::string init_text(const InitView& view) {
  const setup::InitReport& report = view.report;
  Fields fields;
  fields.add("cluster", fmt::format("{}, system identifier {}, {}", view.config.cluster,
                                    report.system_identifier.value,
                                    server_version(report.server_version_num)));
  fields.add("repository",
             fmt::format("{} ({}, id {})", view.config.repository_url,
                         report.repository_created ? "new" : "was there", report.repository_id));
  if (!view.config.second_repository_url.empty()) {
    fields.add("second place",
               fmt::format("{}{}", view.config.second_repository_url,
                           report.copied == 0
                               ? ""
                               : fmt::format(" ({} copied)", counted(report.copied, "object"))));
  }
  fields.add("encryption", encryption_text(view.config));
  if (view.config.encryption == "age") {
    fields.add("host key", view.config.encryption_host_key_file +
                               " (reads names and page maps, no table data)");
  }
  fields.add("configuration",
             fmt::format("{} ({})", view.config_path,
                         view.config_written ? "written" : "was there and says the same"));
  return fmt::format("{}\n{}\n{}", fields.text(), settings_text(report), next_text(report));
}

}  // namespace walkback::cli
