#include "config/write.h"

#include <fmt/format.h>

#include "config/keys.h"
#include "config/secrets.h"

namespace walkback::config {

namespace {

constexpr uint64_t kLargestFile = 1 << 20;  // bytes

bool decided_by_init(const Key& key) {
  if (key.flag) return false;
  return key.section == "cluster" || key.section == "repository" ||
         key.section == "second_repository" || key.name == "pgdata" || key.name == "conninfo" ||
         key.name == "recipients" || key.name == "identity_file" || key.name == "host_key_file";
}

// A TOML basic string.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

// What has no meaning for this repository would only be in the way of reading the file.
bool concerns(const Key& key, const Config& config) {
  // A directory costs nothing.
  if (key.section == "s3" || key.section == "cost") {
    return config.repository_url.starts_with("s3://") ||
           config.second_repository_url.starts_with("s3://");
  }
  if (key.section == "encryption") return config.encryption == "age";
  return true;
}

std::string value_text(const Key& key, const Config& config) {
  if (key.number) return std::to_string(config.*key.number);
  if (key.flag) return config.*key.flag ? "true" : "false";
  if (key.type == ValueType::kPrice) return config.*key.text;
  if (key.text) return quoted(config.*key.text);
  std::string texts;
  for (const std::string& text : config.*key.list) {
    texts += (texts.empty() ? "" : ", ") + quoted(text);
  }
  return "[" + texts + "]";
}

bool is_given(const Key& key, const Config& config) {
  if (key.number || key.flag) return true;
  return key.text ? !(config.*key.text).empty() : !(config.*key.list).empty();
}

std::string line(const Key& key, const Config& config) {
  const bool at_default = value_text(key, config) == value_text(key, Config{});
  const bool comment = decided_by_init(key) ? !is_given(key, config) : at_default;
  return fmt::format("{}{} = {}\n", comment ? "# " : "", key.name, value_text(key, config));
}

Error conflict(const std::string& path, const Key& key, const Config& there, const Config& wanted) {
  const bool secret = key.name.ends_with("conninfo");
  auto shown = [&](const Config& config) {
    return secret ? quoted(mask_conninfo(config.*key.text)) : value_text(key, config);
  };
  return make_error(ErrorKind::kConflict,
                    fmt::format("{} is there already and says {} = {}, not {}", path,
                                key.full_name(), shown(there), shown(wanted)),
                    "change it there, or choose another file with --config");
}

Result<void> check_same(const std::string& path, const Config& there, const Config& wanted) {
  for (const Key& key : all_keys()) {
    if (decided_by_init(key) && value_text(key, there) != value_text(key, wanted)) {
      return conflict(path, key, there, wanted);
    }
  }
  return success();
}

// Beside it, synced, and renamed: a reader sees the whole file or none.
Result<bool> create_whole(FileSystem& files, const std::string& path, const std::string& text,
                          uint32_t mode) {
  std::string temporary = path + ".new";
  if (TRY(files.link_status(temporary))) TRY(files.remove(temporary));
  {
    auto file = TRY(files.create(temporary, mode));
    TRY(file->write_at(0, as_bytes(text)));
    TRY(file->sync());
  }
  if (!TRY(files.rename_no_replace(temporary, path))) {
    TRY(files.remove(temporary));
    return false;
  }
  TRY(files.sync_directory(parent_path(path)));
  return true;
}

}  // namespace

std::string render(const Config& config) {
  std::string text =
      "# walkback's configuration, written by `walkback init`. docs/cli.md says what each key "
      "means;\n"
      "# each is also an environment variable: backup.workers is WALKBACK_BACKUP_WORKERS, and wins "
      "over this file.\n";
  std::string_view section;
  for (const Key& key : all_keys()) {
    if (!concerns(key, config)) continue;
    if (key.section != section) text += fmt::format("\n[{}]\n", key.section);
    section = key.section;
    text += line(key, config);
  }
  return text;
}

Result<WriteOutcome> write_if_absent(FileSystem& files, const std::string& path,
                                     const Config& config) {
  Result<Bytes> there = read_file(files, path, kLargestFile);
  if (!there.ok() && there.error().kind == ErrorKind::kMissing) {
    uint32_t mode = holds_password(config) ? 0600 : 0644;
    Result<bool> created = create_whole(files, path, render(config), mode);
    if (!created.ok()) {
      return std::move(created).error().with_hint(
          "choose a place that this user may write with --config FILE");
    }
    if (*created) return WriteOutcome::kCreated;
    there = read_file(files, path, kLargestFile);  // another process was first
  }
  if (!there.ok()) return std::move(there).error();
  Config said = TRY(parse(as_text(*there), path));
  TRY(check_same(path, said, config));
  return WriteOutcome::kKept;
}

}  // namespace walkback::config
