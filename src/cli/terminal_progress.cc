#include "cli/terminal_progress.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/human.h"

namespace walkback::cli {

namespace {

using namespace std::chrono_literals;

// A terminal is redrawn often enough to look alive; a log gets a line now and then.
constexpr std::chrono::nanoseconds kRedraw = 100ms;
constexpr std::chrono::nanoseconds kPlainLine = 5s;
// The rate is that of the last ten seconds: long enough to be calm, short enough to be true.
constexpr std::chrono::nanoseconds kRateWindow = 10s;
constexpr std::chrono::nanoseconds kSampleEvery = 500ms;

constexpr std::string_view kClearLine = "\r\x1b[K";

// The first `columns` code points.
std::string cut(std::string text, size_t columns) {
  if (columns == 0) return text;
  size_t seen = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    bool starts = (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
    if (starts && ++seen > columns) return text.substr(0, i);
  }
  return text;
}

double in_seconds(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

TerminalProgress::TerminalProgress(Output& output, Clock& clock, ProgressStyle style,
                                   size_t columns)
    : output_(output), clock_(clock), style_(style), columns_(columns) {}

TerminalProgress::~TerminalProgress() { finish(); }

void TerminalProgress::begin(std::string_view step, uint64_t total_bytes) {
  std::lock_guard lock(mutex_);
  end_step();
  active_ = true;
  step_ = printable(step);
  detail_.clear();
  total_bytes_ = total_bytes;
  bytes_ = 0;
  began_ = clock_.monotonic();
  samples_.assign(1, {began_, 0});
  if (style_ == ProgressStyle::kPlain) {
    std::string size = total_bytes ? fmt::format(" ({})", human_bytes(total_bytes)) : "";
    output_.err(fmt::format("{}{}\n", step_, size));
    next_draw_ns_ = (began_ + kPlainLine).count();
  } else {
    draw();
  }
}

void TerminalProgress::add_bytes(uint64_t bytes) {
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
  if (!due()) return;
  std::lock_guard lock(mutex_);
  if (active_ && due()) draw();
}

void TerminalProgress::detail(std::string_view text) {
  std::lock_guard lock(mutex_);
  detail_ = printable(text);
  if (active_ && due()) draw();
}

void TerminalProgress::note(std::string_view line) {
  std::lock_guard lock(mutex_);
  clear_line();
  output_.err(printable(line) + "\n");
  if (active_ && style_ == ProgressStyle::kTerminal) draw();
}

void TerminalProgress::finish() {
  std::lock_guard lock(mutex_);
  end_step();
}

bool TerminalProgress::due() const { return clock_.monotonic().count() >= next_draw_ns_.load(); }

// Under the lock, as everything below.
void TerminalProgress::draw() {
  Nanoseconds now = clock_.monotonic();
  sample(now);
  if (style_ == ProgressStyle::kTerminal) {
    output_.err(std::string(kClearLine) + cut(status(now), columns_));
    line_shown_ = true;
    next_draw_ns_ = (now + kRedraw).count();
  } else {
    output_.err(status(now) + "\n");
    next_draw_ns_ = (now + kPlainLine).count();
  }
}

// A step that took a while leaves a line that says how long; one without bytes just ends.
void TerminalProgress::end_step() {
  if (!active_) return;
  active_ = false;
  clear_line();
  uint64_t bytes = bytes_.load();
  if (bytes == 0) return;
  double seconds = in_seconds(clock_.monotonic() - began_);
  std::string rate = seconds > 0 ? fmt::format(", {}/s", human_bytes(static_cast<uint64_t>(
                                                             static_cast<double>(bytes) / seconds)))
                                 : "";
  output_.err(
      fmt::format("{}: {} in {}{}\n", step_, human_bytes(bytes), human_duration(seconds), rate));
}

void TerminalProgress::clear_line() {
  if (line_shown_) output_.err(kClearLine);
  line_shown_ = false;
}

void TerminalProgress::sample(Nanoseconds now) {
  if (now - samples_.back().at < kSampleEvery) return;
  samples_.push_back({now, bytes_.load()});
  while (samples_.size() > 2 && now - samples_[1].at >= kRateWindow) samples_.pop_front();
}

double TerminalProgress::rate(Nanoseconds now) const {
  double seconds = in_seconds(now - samples_.front().at);
  if (seconds <= 0) return 0;
  return static_cast<double>(bytes_.load() - samples_.front().bytes) / seconds;
}

std::string TerminalProgress::status(Nanoseconds now) const {
  std::string text = step_;
  uint64_t bytes = bytes_.load();
  double speed = rate(now);
  if (total_bytes_ > 0) {
    // Files grow while they are read; more than all of it would look like a mistake.
    uint64_t total = std::max(total_bytes_, bytes);
    text += fmt::format(
        "  {} of {}  {} %", human_bytes(bytes), human_bytes(total),
        static_cast<int>(static_cast<double>(bytes) * 100 / static_cast<double>(total)));
    if (speed > 0) {
      text += fmt::format("  {}/s  {} left", human_bytes(static_cast<uint64_t>(speed)),
                          human_duration(static_cast<double>(total - bytes) / speed));
    }
  } else if (bytes > 0) {
    text += fmt::format("  {}", human_bytes(bytes));
    if (speed > 0) text += fmt::format("  {}/s", human_bytes(static_cast<uint64_t>(speed)));
  }
  if (!detail_.empty()) text += "  " + detail_;
  return text;
}

}  // namespace walkback::cli
