// Progress on standard error: one line redrawn on a terminal, plain lines elsewhere.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/progress.h"
#include "cli/output.h"

namespace walkback::cli {

enum class ProgressStyle { kTerminal, kPlain };

// Thread-safe. add_bytes() is an addition and a clock reading unless a line is due.
class TerminalProgress final : public Progress {
 public:
  // `columns` of the terminal: a line that wraps cannot be redrawn. 0: as long as it is.
  TerminalProgress(Output& output, Clock& clock, ProgressStyle style, size_t columns = 0);
  ~TerminalProgress() override;  // as finish()

  void begin(std::string_view step, uint64_t total_bytes) override;
  void add_bytes(uint64_t bytes) override;
  void detail(std::string_view text) override;
  void note(std::string_view line) override;

  // The last step is over: its line ends, or goes away, before the result is printed.
  void finish();

 private:
  using Nanoseconds = std::chrono::nanoseconds;
  struct Sample {
    Nanoseconds at;
    uint64_t bytes;
  };

  bool due() const;
  void draw();
  void end_step();
  void clear_line();
  void sample(Nanoseconds now);
  double rate(Nanoseconds now) const;  // bytes a second, of the last seconds
  std::string status(Nanoseconds now) const;

  Output& output_;
  Clock& clock_;
  const ProgressStyle style_;
  const size_t columns_;
  std::atomic<uint64_t> bytes_{0};
  std::atomic<int64_t> next_draw_ns_{0};

  std::mutex mutex_;
  bool active_ = false;
  bool line_shown_ = false;
  std::string step_;
  std::string detail_;
  uint64_t total_bytes_ = 0;
  Nanoseconds began_{0};
  std::deque<Sample> samples_;
};

}  // namespace walkback::cli
