#include "restore/owner_access.h"

#include <fmt/format.h>

#include <algorithm>

namespace walkback::restore {

namespace {

constexpr std::string_view kMark = "# walkback: asks the copy where it stands";
constexpr std::string_view kMap = "walkback-copy";

std::string_view next_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

// A field of a line, as next_token() in src/backend/libpq/hba.c takes it apart: in quotes, "all"
// and "replication" are names like any other.
struct Field {
  std::string text;
  bool quoted = false;
  bool is_keyword(std::string_view keyword) const { return !quoted && text == keyword; }
};

std::vector<Field> fields_of(std::string_view line) {
  std::vector<Field> fields;
  Field field;
  bool inside = false;
  auto end_field = [&] {
    if (!field.text.empty() || field.quoted) fields.push_back(std::move(field));
    field = {};
  };
  for (char c : line) {
    if (c == '"') {
      inside = !inside;
      field.quoted = true;
    } else if (!inside && c == '#') {
      break;
    } else if (!inside && (c == ' ' || c == '\t' || c == '\r')) {
      end_field();
    } else {
      field.text += c;
    }
  }
  end_field();
  return fields;
}

// Whether the first rule for the owner's session as `role` over the socket asks for nothing.
bool lets_in(std::string_view access, const std::string& owner, const std::string& role) {
  while (!access.empty()) {
    const std::vector<Field> fields = fields_of(next_line(access));
    // What other files say is not looked at: rather a rule before them than after.
    if (!fields.empty() && fields[0].text.starts_with("include")) return false;
    if (fields.size() < 4 || fields[0].text != "local") continue;
    const Field& database = fields[1];
    const Field& user = fields[2];
    if (database.is_keyword("all") && (user.is_keyword("all") || user.text == role)) {
      const std::string& method = fields[3].text;
      return fields.size() == 4 && (method == "trust" || (method == "peer" && role == owner));
    }
    // A rule of its own, for some databases or users.
    if (!database.is_keyword("replication")) return false;
  }
  return false;
}

// Names that mean more than themselves even in quotes (a regular expression from 16 on), or that
// quotes cannot hold, are left out.
bool can_be_quoted(const std::string& role) {
  return !role.starts_with('/') && role.find_first_of("\"\\\n\r") == std::string::npos;
}

}  // namespace

void let_owner_in(AccessFiles& files, const std::string& owner,
                  const std::vector<std::string>& superusers) {
  std::string access, identities;
  auto add = [](std::string& lines, const std::string& line) {
    lines += fmt::format("{}\n{}\n", kMark, line);
  };
  if (!lets_in(files.access, owner, owner))
    add(access, fmt::format("local all \"{}\" peer", owner));
  const bool is_one = std::ranges::find(superusers, owner) != superusers.end();
  for (const std::string& role : superusers) {
    if (is_one || !can_be_quoted(role) || lets_in(files.access, owner, role)) continue;
    add(access, fmt::format("local all \"{}\" peer map={}", role, kMap));
    add(identities, fmt::format("{} \"{}\" \"{}\"", kMap, owner, role));
  }
  files.access = access + files.access;
  files.identities = identities + files.identities;
}

std::string without_owner_lines(std::string_view text) {
  std::string kept;
  while (!text.empty()) {
    const std::string_view line = next_line(text);
    if (line == kMark) {
      next_line(text);
    } else {
      kept.append(line).append("\n");
    }
  }
  return kept;
}

}  // namespace walkback::restore
