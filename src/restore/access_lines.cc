#include "restore/access_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

namespace walkback::restore {

namespace {

constexpr int kFirstWithIncludes = 16;
// CONF_FILE_MAX_DEPTH in src/include/utils/conffiles.h
constexpr int kMaxDepth = 10;
constexpr uint64_t kMaxBytes = 16 << 20;

using Problem = std::optional<std::string>;

struct Word {
  std::string text;
  bool began_quoted = false;  // then "@" is a character like any other (next_token, hba.c)
};

// Words are parted by blanks and commas; quotes keep them together; "#" ends the line.
std::vector<Word> words_of(std::string_view line) {
  std::vector<Word> words;
  Word word;
  bool quoted = false;
  auto end_word = [&] {
    if (!word.text.empty()) words.push_back(std::move(word));
    word = {};
  };
  for (char c : line) {
    if (c == '"') {
      quoted = !quoted;
      if (word.text.empty()) word.began_quoted = true;
    } else if (!quoted && c == '#') {
      break;
    } else if (!quoted && (c == ' ' || c == '\t' || c == ',' || c == '\r')) {
      end_word();
    } else {
      word.text += c;
    }
  }
  end_word();
  return words;
}

constexpr int kFirstWithContinuation = 14;

bool is_continued(const std::string& line, int major) {
  return major >= kFirstWithContinuation && line.ends_with('\\');
}

class Reader {
 public:
  Reader(FileSystem& files, int major) : files_(files), major_(major) {}

  Problem read_line(std::string_view line, const std::string& directory, int depth) {
    const std::vector<Word> words = words_of(line);
    if (words.empty()) return std::nullopt;
    if (major_ >= kFirstWithIncludes && words.size() == 2) {
      const std::string path = absolute(words[1].text, directory);
      if (words[0].text == "include") return read_file(path, depth + 1);
      if (words[0].text == "include_if_exists") {
        return exists(path) ? read_file(path, depth + 1) : std::nullopt;
      }
      if (words[0].text == "include_dir") return read_directory(path, depth + 1);
    }
    for (const Word& word : words) {
      if (word.began_quoted || !word.text.starts_with('@') || word.text.size() == 1) continue;
      Problem problem = read_file(absolute(word.text.substr(1), directory), depth + 1);
      if (problem) return problem;
    }
    return std::nullopt;
  }

 private:
  static std::string absolute(const std::string& path, const std::string& directory) {
    return path.starts_with('/') ? path : join_path(directory, path);
  }

  bool exists(const std::string& path) {
    const Result<std::optional<FileInfo>> info = files_.status(path);
    return !info.ok() || info->has_value();
  }

  static std::string not_here(const std::string& path, const Error& error) {
    return error.kind == ErrorKind::kMissing ? fmt::format("{} is not on this host", path)
                                             : error.message;
  }

  Problem read_file(const std::string& path, int depth) {
    if (depth > kMaxDepth) return "files include each other too deeply";
    const Result<Bytes> bytes = walkback::read_file(files_, path, kMaxBytes);
    if (!bytes.ok()) return not_here(path, bytes.error());
    std::string_view text = as_text(*bytes);
    while (!text.empty()) {
      const std::string_view line = text.substr(0, text.find('\n'));
      if (Problem problem = read_line(line, parent_path(path), depth)) return problem;
      text.remove_prefix(std::min(text.size(), line.size() + 1));
    }
    return std::nullopt;
  }

  Problem read_directory(const std::string& path, int depth) {
    const Result<std::vector<DirectoryEntry>> entries = files_.list(path);
    if (!entries.ok()) return not_here(path, entries.error());
    for (const DirectoryEntry& entry : *entries) {
      const bool is_read = entry.name.ends_with(".conf") && !entry.name.starts_with('.') &&
                           entry.type != FileType::kDirectory;
      if (!is_read) continue;
      if (Problem problem = read_file(join_path(path, entry.name), depth)) return problem;
    }
    return std::nullopt;
  }

  FileSystem& files_;
  const int major_;
};

}  // namespace

std::vector<UnreadableLine> unreadable_access_lines(FileSystem& files, const std::string& directory,
                                                    const std::string& file,
                                                    const std::vector<std::string>& lines,
                                                    int major) {
  std::vector<UnreadableLine> unreadable;
  Reader reader(files, major);
  for (size_t begin = 0, end = 0; begin < lines.size(); begin = end) {
    // A backslash at a line's end joins the next one to it.
    std::string whole;
    do {
      whole += lines[end];
      if (!is_continued(lines[end++], major)) break;
      whole.pop_back();
    } while (end < lines.size());
    const Problem problem = reader.read_line(whole, directory, 0);
    for (size_t index = begin; problem && index < end; ++index) {
      unreadable.push_back({file, index, lines[index], *problem});
    }
  }
  return unreadable;
}

}  // namespace walkback::restore
