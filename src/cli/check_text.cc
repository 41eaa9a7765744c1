#include <fmt/format.h>

#include "cli/human.h"
#include "cli/text.h"

namespace walkback::cli {

namespace {

// Findings side by side, each hint below its own.
std::string findings_text(const std::vector<setup::Finding>& findings) {
  size_t widest = 0;
  for (const setup::Finding& finding : findings) widest = std::max(widest, finding.what.size());
  std::string text;
  for (const setup::Finding& finding : findings) {
    text += fmt::format("  {:<7}  {:<{}}  {}\n", setup::level_name(finding.level), finding.what,
                        widest, printable(finding.text));
    if (!finding.hint.empty()) {
      text += fmt::format("  {:<7}  {:<{}}  -> {}\n", "", "", widest, printable(finding.hint));
    }
  }
  return text;
}

std::string traits_text(const std::vector<StoreTrait>& traits) {
  Table table({{"the server"}, {""}, {"what was seen"}});
  for (const StoreTrait& trait : traits) {
    const char* able = !trait.able ? "not known" : *trait.able ? "yes" : "no";
    table.row({trait.means, able, printable(trait.detail)});
  }
  return table.text();
}

}  // namespace

std::string check_text(const CheckView& view) {
  std::string text = findings_text(view.findings);
  if (!view.traits.empty()) text += "\n" + traits_text(view.traits);
  size_t failures = 0, warnings = 0;
  for (const setup::Finding& finding : view.findings) {
    failures += finding.level == setup::Level::kFailed ? 1 : 0;
    warnings += finding.level == setup::Level::kWarning ? 1 : 0;
  }
  text += fmt::format("\n{}\n", failures > 0   ? counted(failures, "thing") + " to mend."
                                : warnings > 0 ? "Works, with " + counted(warnings, "warning") + "."
                                               : "All is as it must be.");
  return text;
}

}  // namespace walkback::cli
