// What `find` shows.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/live_archiver.h"
#include "cli/suggestion.h"
#include "find/find.h"

namespace walkback::cli {

struct FindView {
  const find::FindReport& report;
  const Suggestion& suggestion;
  // A path at which nothing is yet, for `recover --into` of this transaction.
  std::function<std::string(uint64_t xid)> free_directory;
  bool timeline_given = false;
  // "WALKBACK_ENCRYPTION_IDENTITY_FILE=… " where only a variable said it to this command.
  std::string variables;
  bool key_missing = false;  // no private key at hand reads what plan and recover need
  std::optional<uint64_t> xid;
  bool filtered = false;        // --table, --kind or --min-rows
  bool earliest_first = false;  // --order time
  bool reaches_now = false;     // what is not archived yet would lie in the window
  Timestamp now;
  bool server_answers = true;            // one of this cluster
  std::optional<LiveArchiver> archiver;  // of it, where it is a primary
  std::string switch_command;            // ends its segment
  bool utf8 = false;                     // the terminal shows blocks; else letters
};
std::string find_text(const FindView& view);
std::string find_json(const find::FindReport& report);

// Why a transaction that `find` knows is no target of a recovery; nothing where find knows no
// reason.
std::optional<Error> why_no_target(const find::FoundWork& work, const Error& refusal);

// Numbers as characters, the highest as high as a line allows: "▁▂█▁", or ".:#." without UTF-8.
// What is not zero is seen.
std::string sparkline(const std::vector<uint64_t>& numbers, bool utf8);

}  // namespace walkback::cli
