// Telling whoever is to be told: `status --alert` and `--test-alert`.
#pragma once

#include <string>
#include <vector>

#include "alert/channels.h"
#include "alert/state.h"
#include "base/file_system.h"
#include "health/facts.h"
#include "health/finding.h"

namespace walkback::alert {

struct TellOptions {
  ChannelOptions channels;
  std::chrono::seconds repeat{4 * 3600};
  std::string state_file;  // absolute
  std::string host;
};

struct Delivery {
  std::string channel;
  Reason reason = Reason::kChange;
  std::optional<Error> error;  // nothing: it took the message
};

struct Told {
  std::vector<Delivery> deliveries;
  // For the next judgement: which channels do not work.
  health::AlertFacts facts;
};

bool tells_anybody(const TellOptions& options);

// What the state file knows from earlier runs, of the channels that there are.
Result<health::AlertFacts> known_failures(const TellOptions& options, FileSystem& files);

// Sends to each channel what is due to it, and pings the dead man's switch unless the report is
// critical. What was told is written down, durably, after each message. Where that cannot be done
// each run tells everything again: silence would be worse. One run at a time: while another does
// it, this one does nothing. kInvalid for options that cannot be used.
Result<Told> tell(const TellOptions& options, const health::Report& report, FileSystem& files,
                  const Means& means);

// A test message to every channel, and the switch, whatever they were told before.
Result<std::vector<Delivery>> tell_test(const TellOptions& options, const health::Report& report,
                                        const Means& means);

// Of every channel and the switch, without telling anybody: what probe() saw.
struct Probed {
  std::string channel;
  Result<std::string> seen;
};
Result<std::vector<Probed>> probe_all(const ChannelOptions& options, const Means& means);

}  // namespace walkback::alert
