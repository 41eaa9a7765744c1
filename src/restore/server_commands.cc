#include "restore/server_commands.h"

#include <fmt/format.h>

#include "base/file_system.h"
#include "base/shell.h"

namespace walkback::restore {

namespace {

std::string pg_ctl(const std::string& binaries, const std::string& data_directory) {
  const std::string program = binaries.empty() ? "pg_ctl" : join_path(binaries, "pg_ctl");
  return fmt::format("{} -D {}", shell_word(program), shell_word(data_directory));
}

}  // namespace

std::string start_command(const std::string& binaries, const std::string& data_directory,
                          std::string_view more) {
  const std::string log = join_path(data_directory, kServerLog);
  const std::string options = more.empty() ? "" : fmt::format(" -o {}", shell_word(more));
  return fmt::format("{} -l {}{} start", pg_ctl(binaries, data_directory), shell_word(log),
                     options);
}

std::string stop_command(const std::string& binaries, const std::string& data_directory) {
  return pg_ctl(binaries, data_directory) + " -m fast stop";
}

std::string psql_command(const std::string& socket_directory, int port, const std::string& role,
                         std::string_view database) {
  const std::string host =
      socket_directory.empty() ? "" : fmt::format(" -h {}", shell_word(socket_directory));
  const std::string user = role.empty() ? "" : fmt::format(" -U {}", shell_word(role));
  return fmt::format("psql{} -p {}{} -d {}", host, port, user, shell_word(database));
}

std::string promote_command(const std::string& socket_directory, int port,
                            const std::string& role) {
  return psql_command(socket_directory, port, role) + " -c 'SELECT pg_promote()'";
}

}  // namespace walkback::restore
