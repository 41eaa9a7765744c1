#include "drill/page_checksums.h"

#include <fmt/format.h>

#include <algorithm>

#include "catalog/control_file_reader.h"

namespace walkback::drill {

namespace {

constexpr const char* kName = "page_checksums";

// What stands behind "Blocks scanned:  ".
std::string value_of(std::string_view output, std::string_view label) {
  const size_t at = output.find(label);
  if (at == std::string_view::npos) return "?";
  std::string_view value = output.substr(at + label.size());
  value = value.substr(0, value.find('\n'));
  const size_t begin = value.find_first_not_of(' ');
  return begin == std::string_view::npos ? "?" : std::string(value.substr(begin));
}

}  // namespace

Proof judge_checksums(const restore::Finished& finished) {
  if (finished.exit_status == 0) {
    return proved(kName,
                  fmt::format("{} pages of {} files", value_of(finished.output, "Blocks scanned:"),
                              value_of(finished.output, "Files scanned:")));
  }
  std::vector<std::string> details;
  bool any_bad = false;
  for (std::string_view rest = finished.output; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.find("error:") == std::string_view::npos) continue;
    any_bad = any_bad || line.find("checksum verification failed") != std::string_view::npos;
    details.emplace_back(line);
  }
  const std::string what =
      any_bad
          ? fmt::format("{} pages fail their checksum", value_of(finished.output, "Bad checksums:"))
          : fmt::format("pg_checksums ended with {}", finished.exit_status);
  return failed(kName, what, std::move(details));
}

Result<Proof> check_pages(FileSystem& files, const std::string& data_directory,
                          const std::string& binaries, const std::stop_token& stop) {
  const pg::ControlFile control = TRY(catalog::read_control_file(files, data_directory)).control;
  if (!control.checksums_enabled()) {
    return not_proved(kName, "the cluster has no page checksums (pg_checksums --enable)");
  }
  const std::string program = join_path(binaries, "pg_checksums");
  if (!TRY(files.status(program))) {
    return not_proved(kName, fmt::format("there is no {}", program));
  }
  return judge_checksums(TRY(restore::run_to_end(
      {"/usr/bin/env", "LC_ALL=C", program, "--check", "-D", data_directory}, stop)));
}

}  // namespace walkback::drill
