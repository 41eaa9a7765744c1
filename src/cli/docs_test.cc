#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "cli/exit_status.h"
#include "cli/parse.h"

namespace walkback::cli {
namespace {

using testing::HasSubstr;

std::string manual() {
  std::stringstream text;
  text << std::ifstream(WALKBACK_TESTDATA "/../../../docs/cli.md").rdbuf();
  return text.str();
}

// What stands between the heading of a command and the next.
std::string section(const std::string& text, const std::string& heading) {
  size_t begin = text.find("\n" + heading + "\n");
  if (begin == std::string::npos) return {};
  size_t end = text.find("\n##", begin + heading.size());
  return text.substr(begin, end - begin);
}

TEST(Docs, EveryCommandHasItsSection) {
  for (const CommandHelp& help : all_help()) {
    if (help.command.empty()) continue;
    EXPECT_NE(section(manual(), "### " + help.command), "") << help.command;
  }
}

TEST(Docs, EveryOptionIsDescribedWhereItBelongs) {
  for (const CommandHelp& help : all_help()) {
    std::string heading =
        help.command.empty() ? "## Options of every command" : "### " + help.command;
    // The targets of recover, drill and rescue are plan's.
    std::string text = section(manual(), heading);
    const bool has_targets =
        help.command == "recover" || help.command == "drill" || help.command == "rescue";
    if (has_targets) text += section(manual(), "### plan");
    for (const std::string& option : help.options) {
      if (!help.command.empty() && option == "--help") continue;
      EXPECT_THAT(text, HasSubstr("`" + option)) << help.command;
      EXPECT_THAT(help.text, HasSubstr(option)) << help.command;
    }
  }
}

TEST(Docs, EveryExitStatusIsDescribed) {
  for (ExitStatus status :
       {ExitStatus::kDone, ExitStatus::kFailed, ExitStatus::kBadUsage,
        ExitStatus::kTargetUnreachable, ExitStatus::kBadPages, ExitStatus::kDamageFound,
        ExitStatus::kDrillFailed, ExitStatus::kInterrupted, ExitStatus::kNotInArchive,
        ExitStatus::kWalGetFailed}) {
    EXPECT_THAT(section(manual(), "## Exit statuses"),
                HasSubstr("\n| " + std::to_string(static_cast<int>(status)) + " | "));
  }
}

TEST(Docs, HiddenOptionsStayHidden) {
  for (const CommandHelp& help : all_help()) {
    EXPECT_THAT(help.text, testing::Not(HasSubstr("reserved")));
  }
}

}  // namespace
}  // namespace walkback::cli
