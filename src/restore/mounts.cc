#include "restore/mounts.h"

#include <algorithm>
#include <charconv>
#include <functional>

namespace walkback::restore {

namespace {

// Files of /proc say that they are empty, so they are read until nothing comes.
Result<std::string> read_proc(FileSystem& files, const std::string& path) {
  const std::unique_ptr<File> file = TRY(files.open_read(path));
  std::string text;
  Bytes piece(64 << 10);
  for (;;) {
    const size_t got = TRY(file->read_at(text.size(), piece));
    if (got == 0) return text;
    text += as_text(ByteView(piece).first(got));
  }
}

std::string_view next_part(std::string_view& text, char end) {
  const std::string_view part = text.substr(0, text.find(end));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return part;
}

bool is_octal(char c) { return c >= '0' && c <= '7'; }

// Space, tab, newline and backslash stand there as three octal digits.
std::string unescaped(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) &&
                        is_octal(text[i + 2]) && is_octal(text[i + 3]);
    if (!escape) {
      plain += text[i];
      continue;
    }
    plain +=
        static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
    i += 3;
  }
  return plain;
}

int number(std::string_view text) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

bool is_or_is_below(std::string_view path, std::string_view directory) {
  if (directory == "/") return true;
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

Result<Mounts> Mounts::read(FileSystem& files) {
  constexpr const char* kTable = "/proc/self/mountinfo";
  if (!TRY(files.status(kTable))) return Mounts("");
  return Mounts(TRY(read_proc(files, kTable)));
}

Mounts::Mounts(std::string_view mountinfo) {
  while (!mountinfo.empty()) {
    std::string_view line = next_part(mountinfo, '\n');
    Mount mount;
    mount.id = number(next_part(line, ' '));
    mount.parent = number(next_part(line, ' '));
    mount.device = next_part(line, ' ');
    mount.root = unescaped(next_part(line, ' '));
    mount.point = unescaped(next_part(line, ' '));
    // Options, and fields that may come or not, up to a lone hyphen.
    while (!line.empty() && next_part(line, ' ') != "-") {
    }
    mount.type = unescaped(next_part(line, ' '));
    if (mount.point.starts_with('/')) mounts_.push_back(std::move(mount));
  }
}

const Mounts::Mount* Mounts::root_mount() const {
  for (const Mount& mount : mounts_) {
    const auto is_parent = [&](const Mount& other) { return other.id == mount.parent; };
    if (mount.point == "/" && std::ranges::none_of(mounts_, is_parent)) return &mount;
  }
  return nullptr;
}

// As the kernel walks: from the root, into the first mount that it meets on the way. One that a
// later mount above it hides is never met.
std::optional<TruePath> Mounts::of(std::string_view path) const {
  const Mount* at = root_mount();
  if (at == nullptr) return std::nullopt;
  for (;;) {
    const Mount* next = nullptr;
    for (const Mount& mount : mounts_) {
      const bool met =
          mount.parent == at->id && mount.id != at->id && is_or_is_below(path, mount.point);
      if (met && (next == nullptr || mount.point.size() < next->point.size())) next = &mount;
    }
    if (next == nullptr) break;
    at = next;
  }
  const std::string_view rest = at->point == "/" ? path : path.substr(at->point.size());
  std::string within = at->root == "/" ? std::string() : at->root;
  if (rest != "/") within += rest;
  return TruePath{at->device, within.empty() ? "/" : within};
}

// The last of several hides the others.
std::optional<std::string> Mounts::type_at(std::string_view directory) const {
  std::optional<std::string> type;
  for (const Mount& mount : mounts_) {
    if (mount.point == directory) type = mount.type;
  }
  return type;
}

std::vector<std::string> Mounts::below(std::string_view directory, std::string_view type) const {
  std::vector<std::string> points;
  for (const Mount& mount : mounts_) {
    const bool is_below = mount.point != directory && is_or_is_below(mount.point, directory);
    if (is_below && mount.type == type) points.push_back(mount.point);
  }
  std::ranges::sort(points, std::greater<>(),
                    [](const std::string& point) { return point.size(); });
  return points;
}

std::vector<std::string> Mounts::below(std::string_view directory) const {
  std::vector<std::string> points;
  for (const Mount& mount : mounts_) {
    if (mount.point != directory && is_or_is_below(mount.point, directory)) {
      points.push_back(mount.point);
    }
  }
  return points;
}

}  // namespace walkback::restore
