#include "cli/parse_mistakes.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <optional>

#include "base/closest.h"
#include "base/shell.h"
#include "cli/parse_command.h"
#include "config/secrets.h"

namespace walkback::cli {

namespace {

// What other programs call it, or what people expect it to be called.
using Synonym = std::pair<std::string_view, std::string_view>;
constexpr Synonym kSynonyms[] = {
    {"--from", "--since"},
    {"--after", "--since"},
    {"--begin", "--since"},
    {"--start", "--since"},
    {"--before", "--until"},
    {"--end", "--until"},
    {"--time", "--to"},
    {"--time", "--since"},
    {"--at", "--to"},
    {"--target", "--into"},
    {"--dir", "--into"},
    {"--directory", "--into"},
    {"--output", "--into"},
    {"--dest", "--into"},
    {"--destination", "--into"},
    {"--transaction", "--xid"},
    {"--txid", "--xid"},
    {"--type", "--kind"},
    {"--relation", "--table"},
    {"--sort", "--order"},
    {"restore", "recover"},
    {"dump", "backup"},
    {"search", "find"},
    {"info", "list"},
    {"show", "list"},
    {"ls", "list"},
    {"status", "check"},
    {"expire", "prune"},
    {"forget", "prune"},
    {"delete", "prune"},
    {"archive-push", "wal-push"},
    {"archive-get", "wal-get"},
    {"log", "history"},
};

std::optional<std::string> meant(const std::string& typed, const std::vector<std::string>& known) {
  for (const auto& [synonym, word] : kSynonyms) {
    const bool is_known = std::ranges::find(known, word) != known.end();
    if (synonym == typed && is_known) return std::string(word);
  }
  return closest(typed, known);
}

std::vector<std::string> commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

std::string help_line(const CLI::App& app) { return words_of(app) + " --help"; }

Error unknown_command(const CLI::App& app, const std::string& word) {
  const std::string group = name_of(app);
  const auto near = meant(word, commands_of(app));
  return usage_error(
      fmt::format("unknown command \"{}\"", group.empty() ? word : group + " " + word),
      near ? fmt::format("did you mean `{} {}`?", words_of(app), *near) : no_command(app).hint);
}

Error unknown_option(const CLI::App& program, const CLI::App& said, const std::string& word) {
  const std::string option = word.substr(0, word.find('='));
  std::vector<std::string> known = visible_options(program);
  if (&said != &program) {
    const std::vector<std::string> own = visible_options(said);
    known.insert(known.end(), own.begin(), own.end());
    if (std::ranges::find(known, option) != known.end()) {
      return usage_error(fmt::format("{} is an option of \"{}\"", option, name_of(said)),
                         fmt::format("it stands behind that word: {} {}", words_of(said), option));
    }
  }
  const auto near = meant(option, known);
  return usage_error(fmt::format("unknown option {}", option),
                     near ? fmt::format("did you mean {}?", *near)
                          : fmt::format("`{}` lists the options", help_line(said)));
}

// "--to --config /x": the parser took the next option for the value.
std::optional<std::string> option_without_value(std::span<const std::string> typed,
                                                const std::string& word) {
  const auto stray = std::ranges::find(typed, word);
  if (stray - typed.begin() < 2 || stray == typed.end()) return std::nullopt;
  const bool both = (stray - 1)->starts_with("--") && (stray - 2)->starts_with("--");
  return both ? std::optional(*(stray - 2)) : std::nullopt;
}

// "--to 10 minutes ago": the shell made three words of what was meant as one.
std::optional<std::string> unquoted(std::span<const std::string> typed, const std::string& word) {
  constexpr std::string_view kTakeText[] = {"--to", "--label", "--name", "--conninfo"};
  auto stray = std::find(typed.begin(), typed.end(), word);
  if (stray - typed.begin() < 2 || stray == typed.end()) return std::nullopt;
  const std::string& option = *(stray - 2);
  if (std::ranges::find(kTakeText, option) == std::ranges::end(kTakeText)) return std::nullopt;
  if (option == "--conninfo") return "quote it: --conninfo \"…\"";  // it may hold a password
  std::string text = *(stray - 1);
  for (; stray != typed.end() && !stray->starts_with('-'); ++stray) text += " " + *stray;
  return fmt::format("quote it: {} \"{}\"", option, text);
}

// "find payments", "undo 2288": what was meant as an option's value.
std::optional<std::string> without_option(const CLI::App& said, const std::string& word) {
  const std::vector<std::string> known = visible_options(said);
  const auto takes = [&](const char* option) {
    return std::ranges::find(known, option) != known.end();
  };
  const bool is_number = !word.empty() && std::ranges::all_of(word, [](unsigned char c) {
    return std::isdigit(c) != 0;
  });
  const char* option = is_number ? "--xid" : "--table";
  if (!takes(option)) return std::nullopt;
  return fmt::format("did you mean {} {}?", option, shell_word(word));
}

Error unexpected_argument(const CLI::App& said, std::span<const std::string> typed,
                          const std::string& word) {
  std::string help = fmt::format("`{}` says what it takes", help_line(said));
  if (const auto option = option_without_value(typed, word)) {
    return usage_error(*option + " needs a value", std::move(help));
  }
  const bool is_secret = config::holds_password(word);
  std::optional<std::string> meant = unquoted(typed, word);
  if (!meant && !is_secret) meant = without_option(said, word);
  return usage_error(fmt::format("unexpected argument \"{}\"", is_secret ? "…" : word),
                     meant.value_or(std::move(help)));
}

Error unexpected(const CLI::App& program, std::span<const std::string> typed) {
  const std::vector<std::string> rest = program.remaining(true);
  const std::string word = rest.empty() ? "" : rest.front();
  const CLI::App& said = chosen(program);
  if (word.starts_with('-')) return unknown_option(program, said, word);
  const bool is_command = commands_of(said).empty();
  return is_command ? unexpected_argument(said, typed, word) : unknown_command(said, word);
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  while (!text.empty() && (text.back() == ' ' || text.back() == '.')) text.pop_back();
  return text;
}

// CLI11 says "--to: 1 required TIME missing", and much the same of one that was given twice.
std::string without_value(const std::string& what, std::span<const std::string> typed) {
  const size_t colon = what.find(':');
  const bool named = what.starts_with("--") && colon != std::string::npos;
  if (!named) return one_line(what);
  const std::string option = what.substr(0, colon);
  const auto times = std::ranges::count_if(typed, [&](const std::string& word) {
    return word == option || word.starts_with(option + "=");
  });
  return option + (times > 1 ? " is given twice" : " needs a value");
}

}  // namespace

Error no_command(const CLI::App& app) {
  const std::string group = name_of(app);
  return usage_error(group.empty() ? "no command" : fmt::format("no command after \"{}\"", group),
                     fmt::format("one of {}; `{}` describes them",
                                 fmt::join(commands_of(app), ", "), help_line(app)));
}

Error parse_failure(const CLI::App& program, const CLI::ParseError& error,
                    std::span<const std::string> typed) {
  if (dynamic_cast<const CLI::ExtrasError*>(&error)) return unexpected(program, typed);
  const bool no_value = dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr;
  return usage_error(no_value ? without_value(error.what(), typed) : one_line(error.what()),
                     fmt::format("`{}` says what it takes", help_line(chosen(program))));
}

}  // namespace walkback::cli
