#include "cli/parse_command.h"

#include <CLI/CLI.hpp>

namespace walkback::cli {

namespace {

// Takes one word, which stays text and lies nowhere but in CLI11.
CLI::Option* add_option(CLI::App& app, const char* name, const char* what) {
  return app.add_option(name, CLI::callback_t{}, what);
}

}  // namespace

const CLI::App& program_of(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent ? program_of(*parent) : app;
}

const CLI::App& chosen(const CLI::App& program) {
  const CLI::App* innermost = &program;
  for (auto named = program.get_subcommands(); !named.empty();
       named = innermost->get_subcommands()) {
    innermost = named.front();
  }
  return *innermost;
}

std::string words_of(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent ? words_of(*parent) + " " + app.get_name() : app.get_name();
}

std::string name_of(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  if (!parent) return "";
  const std::string above = name_of(*parent);
  return above.empty() ? app.get_name() : above + " " + app.get_name();
}

std::vector<std::string> visible_options(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

void add_text(CLI::App& app, const char* name, const char* type, const char* what,
              const char* group) {
  add_option(app, name, what)->type_name(type)->group(group);
}

void add_texts(CLI::App& app, const char* name, const char* type, const char* what) {
  constexpr int kAnyNumber = -1;
  add_option(app, name, what)->type_name(type)->expected(1, kAnyNumber)->allow_extra_args(false);
}

void add_flag(CLI::App& app, const char* name, const char* what, const char* group) {
  // What CLI11's own add_flag() makes of a bool, which would have to outlive the App: "--json=no"
  // is read, "--json=x" is refused with the line and not when somebody asks for it.
  const auto is_bool = [](const CLI::results_t& typed) {
    bool value = false;
    return CLI::detail::lexical_cast(typed.front(), value);
  };
  app.add_option(name, is_bool, what)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
      ->expected(0)
      ->group(group);
}

void add_argument(CLI::App& app, const char* name, const char* what) {
  add_option(app, name, what)->type_name("")->required();
}

void add_hidden(CLI::App& app, const char* name, const char* type) {
  add_text(app, name, type, "", "");
}

void add_timeline(CLI::App& app, const char* what) { add_text(app, "--timeline", "N", what); }

void add_footer(CLI::App& app, const char* text) { app.footer(text); }

bool given(const CLI::App& app, const char* option) { return app.count(option) > 0; }

bool flag(const CLI::App& app, const char* option) {
  return given(app, option) && app[option]->as<bool>();
}

std::string text(const CLI::App& app, const char* option) {
  return if_given(app, option).value_or("");
}

std::optional<std::string> if_given(const CLI::App& app, const char* option) {
  if (!given(app, option)) return std::nullopt;
  return app[option]->as<std::string>();
}

std::vector<std::string> texts(const CLI::App& app, const char* option) {
  if (!given(app, option)) return {};
  return app[option]->as<std::vector<std::string>>();
}

Result<std::optional<pg::TimelineId>> read_timeline(const CLI::App& app) {
  if (!given(app, "--timeline")) return std::optional<pg::TimelineId>();
  return std::optional(pg::TimelineId{TRY(number<uint32_t>(app, "--timeline", 1, UINT32_MAX))});
}

Error usage_error(std::string message, std::string hint) {
  return make_error(ErrorKind::kInvalid, std::move(message), std::move(hint));
}

}  // namespace walkback::cli
