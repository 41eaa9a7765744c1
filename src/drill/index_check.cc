#include "drill/index_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file_system.h"

namespace walkback::drill {

namespace {

constexpr const char* kName = "indexes";
// src/bin/pg_amcheck/pg_amcheck.c, main(): "if (!all_checks_pass) exit(2)".
constexpr int kCorruptionFound = 2;

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const size_t begin = line.find_first_not_of(' ');
    if (begin != std::string_view::npos) lines.emplace_back(line.substr(begin));
  }
  return lines;
}

Result<bool> amcheck_is_there(const scratch::ScratchServer& server) {
  const std::unique_ptr<pgconn::Connection> session = TRY(server.connect("postgres"));
  const pgconn::Table found =
      TRY(session->query("SELECT 1 FROM pg_available_extensions WHERE name = 'amcheck'"));
  return !found.rows.empty();
}

}  // namespace

Proof judge_amcheck(const restore::Finished& finished, bool heap_all_indexed) {
  if (finished.exit_status == 0) {
    return proved(kName,
                  heap_all_indexed
                      ? "tables and B-tree indexes are whole, and every row is in its indexes"
                      : "tables and B-tree indexes are whole");
  }
  const std::string what = finished.exit_status == kCorruptionFound
                               ? "pg_amcheck found corruption"
                               : fmt::format("pg_amcheck ended with {}", finished.exit_status);
  return failed(kName, what, lines_of(finished.output));
}

// --install-missing: the server is thrown away with it.
Result<Proof> check_indexes(const scratch::ScratchServer& server, bool heap_all_indexed, int jobs,
                            const std::stop_token& stop) {
  const std::string program = join_path(server.binaries(), "pg_amcheck");
  if (!TRY(system_files().status(program))) {
    return not_proved(kName, fmt::format("there is no {}", program));
  }
  if (!TRY(amcheck_is_there(server))) {
    return not_proved(kName, "the extension amcheck is not installed on this host");
  }
  restore::CommandLine command = {"/usr/bin/env", "LC_ALL=C",          program,
                                  "--all",        "--install-missing", "--no-password",
                                  "--jobs",       std::to_string(jobs)};
  if (heap_all_indexed) command.emplace_back("--heapallindexed");
  // Where it looks for the databases: a whole conninfo, and the rest is taken over from it.
  command.push_back("--maintenance-db=" + server.conninfo("postgres"));
  return judge_amcheck(TRY(restore::run_to_end(command, stop)), heap_all_indexed);
}

}  // namespace walkback::drill
