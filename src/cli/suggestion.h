// Commands that a text tells a person to type, complete enough to be pasted into the shell that
// this command was typed into.
#pragma once

#include <string>
#include <string_view>

#include "cli/env.h"
#include "cli/options.h"

namespace walkback::cli {

class Suggestion {
 public:
  // `call`: "walkback", or its path where a shell would not find it, with the options that say
  // which configuration and cluster; `sudo`: "sudo -u postgres " or nothing; `environment`:
  // "env WALKBACK_…=… " or nothing, which a call needs too where no configuration says the rest.
  enum class Told { kByConfiguration, kByVariables };
  Suggestion(std::string call, std::string sudo, std::string environment = "",
             Told told = Told::kByConfiguration);
  // For whoever ran this: through sudo, when sudo was how this command became its user's.
  static Suggestion for_caller(const GlobalOptions& global, const std::string& config_path,
                               const Env& env);

  // "walkback --config /srv/wb.toml backup"
  std::string walkback(std::string_view arguments) const;
  // psql, pg_ctl: what the same user must run.
  std::string other(std::string_view command) const;
  // pg_ctl start: the server's restore_command calls walkback, with what this one was told.
  std::string server_start(std::string_view command) const;
  // Every `walkback …`, `WALKBACK_VARIABLE=… walkback …` and every `/path/of/a/program …` between
  // backticks in `text`, completed in this way: what services say, who know of no configuration.
  std::string complete(std::string_view text) const;

 private:
  std::string with_variable(std::string_view assignment, std::string_view arguments) const;

  std::string call_;
  std::string sudo_;
  std::string environment_;
  std::string call_environment_;
};

// "sudo -u postgres walkback --config /srv/wb.toml backup": what was typed, to be typed again as
// `user`. A password in it is left out.
std::string as_user(const std::string& user, const Env& env, const GlobalOptions& global);

}  // namespace walkback::cli
