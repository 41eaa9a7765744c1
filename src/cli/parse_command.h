// What the parts of the command line share. Each part describes its commands' options and reads
// what was typed for them; between the two, CLI11 keeps it.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/whole_number.h"
#include "cli/options.h"
#include "pg/types.h"

// Declared only: CLI11 costs seconds to compile, and few files need more than a reference.
namespace CLI {
class App;
}

namespace walkback::cli {

struct Command {
  const char* name;
  const char* what;                                 // for the list of commands and its own help
  void (*describe)(CLI::App&);                      // nullptr: it has no options of its own
  Result<CommandOptions> (*read)(const CLI::App&);  // nullptr: it is a group, such as `key`
  std::span<const Command> commands = {};           // the group's
};

// The parts, each in its own parse_*.cc, in the order in which --help shows them.
std::span<const Command> setup_commands();
std::span<const Command> archive_commands();
std::span<const Command> backup_commands();
std::span<const Command> find_commands();
std::span<const Command> undo_commands();
std::span<const Command> recovery_commands();
std::span<const Command> upkeep_commands();
std::span<const Command> watch_commands();
std::span<const Command> key_commands();

// ---- The program and its commands ----

// Where --json and the other options of every command lie.
const CLI::App& program_of(const CLI::App& app);
// The innermost command that was named; the program, where none was.
const CLI::App& chosen(const CLI::App& program);
// "walkback key add".
std::string words_of(const CLI::App& app);
// "key add"; nothing of the program.
std::string name_of(const CLI::App& app);
// "--json", hidden ones left out.
std::vector<std::string> visible_options(const CLI::App& app);

// ---- To describe ----

constexpr const char* kOptionsGroup = "Options";

// `name` is "--since"; `type` is what help shows for its value.
void add_text(CLI::App& app, const char* name, const char* type, const char* what,
              const char* group = kOptionsGroup);
// One that may be given again, and takes one value each time.
void add_texts(CLI::App& app, const char* name, const char* type, const char* what);
void add_flag(CLI::App& app, const char* name, const char* what, const char* group = kOptionsGroup);
// Without dashes, by its place; it has to be given.
void add_argument(CLI::App& app, const char* name, const char* what);
// Written by ourselves, not by people: in no help.
void add_hidden(CLI::App& app, const char* name, const char* type);
void add_timeline(CLI::App& app, const char* what);
// Text behind the options.
void add_footer(CLI::App& app, const char* text);

// ---- To read ----

// `option` is one that `app` was described with; any other is a mistake of ours, and CLI11 throws.
bool given(const CLI::App& app, const char* option);
bool flag(const CLI::App& app, const char* option);
std::string text(const CLI::App& app, const char* option);  // empty where it was not given
std::optional<std::string> if_given(const CLI::App& app, const char* option);
std::vector<std::string> texts(const CLI::App& app, const char* option);
Result<std::optional<pg::TimelineId>> read_timeline(const CLI::App& app);

Error usage_error(std::string message, std::string hint);

// Options keep numbers as text, so that a wrong one gets our message and not CLI11's.
template <typename T>
Result<T> number(const CLI::App& app, const char* option, T min, T max) {
  const std::string typed = text(app, option);
  const auto value = whole_number<T>(typed);
  if (!value || *value < min || *value > max) {
    return usage_error(fmt::format("{} is \"{}\", which is no such number", option, typed),
                       fmt::format("expected a number from {} to {}", min, max));
  }
  return *value;
}

}  // namespace walkback::cli
