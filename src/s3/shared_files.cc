#include "s3/shared_files.h"

#include <algorithm>
#include <cctype>

namespace walkback::s3 {
namespace {

constexpr uint64_t kMaxFileBytes = 1u << 20;

std::string trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1));
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

// "key = value # why": a comment within a line begins after a blank.
std::string without_comment(std::string_view value) {
  for (std::string_view mark : {" #", " ;", "\t#", "\t;"})
    value = value.substr(0, value.find(mark));
  return trimmed(value);
}

std::string path_of(const CredentialsContext& context, std::string_view variable,
                    std::string_view name) {
  std::string path = context.variables(variable);
  if (path.starts_with("~/") && !context.home.empty()) path = context.home + path.substr(1);
  if (!path.empty() || context.home.empty()) return path;
  return context.home + "/.aws/" + std::string(name);
}

using Ini = std::map<std::string, std::map<std::string, std::string>>;

Result<Ini> read_ini(FileSystem& files, const std::string& path) {
  if (path.empty() || !TRY(files.status(path))) return Ini{};
  Bytes content = TRY(read_file(files, path, kMaxFileBytes));
  return parse_ini(as_text(content));
}

void merge(Profile& profile, const Ini& ini, const std::string& section) {
  auto found = ini.find(section);
  if (found == ini.end()) return;
  profile.exists = true;
  for (const auto& [name, value] : found->second) profile.settings[name] = value;
}

}  // namespace

std::string Profile::get(const std::string& setting) const {
  auto found = settings.find(setting);
  return found == settings.end() ? "" : found->second;
}

Ini parse_ini(std::string_view text) {
  Ini sections;
  std::map<std::string, std::string>* section = nullptr;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line[0] == ' ' || line[0] == '\t' || line[0] == '#' || line[0] == ';') {
      continue;
    }
    if (line[0] == '[') {
      std::string name = trimmed(line.substr(1, line.find(']') - 1));
      section = &sections[name];
      continue;
    }
    size_t equals = line.find('=');
    if (!section || equals == std::string_view::npos) continue;
    (*section)[lower(trimmed(line.substr(0, equals)))] = without_comment(line.substr(equals + 1));
  }
  return sections;
}

Result<Profile> read_profile(const CredentialsContext& context) {
  Profile profile;
  profile.name = context.variables("AWS_PROFILE");
  if (profile.name.empty()) profile.name = context.variables("AWS_DEFAULT_PROFILE");
  if (profile.name.empty()) profile.name = "default";
  std::string config = path_of(context, "AWS_CONFIG_FILE", "config");
  profile.file = path_of(context, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
  Ini settings = TRY(read_ini(context.files, config));
  if (profile.name == "default") merge(profile, settings, "default");
  merge(profile, settings, "profile " + profile.name);
  merge(profile, TRY(read_ini(context.files, profile.file)), profile.name);
  return profile;
}

}  // namespace walkback::s3
