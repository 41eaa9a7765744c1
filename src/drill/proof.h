// What one proof of a drill says.
#pragma once

#include <string>
#include <vector>

#include "catalog/drill_summary.h"

namespace walkback::drill {

using catalog::ProofOutcome;

struct Proof {
  std::string name;  // "target", "row_counts", "checks", "indexes", "page_checksums"
  ProofOutcome outcome = ProofOutcome::kProved;
  std::string text;                  // one line: what was proved, or why not
  std::vector<std::string> details;  // a line each, kMostDetails at most
  double duration_s = 0;
};

inline constexpr size_t kMostDetails = 100;

Proof proved(std::string name, std::string text);
Proof failed(std::string name, std::string text, std::vector<std::string> details = {});
Proof not_proved(std::string name, std::string text);

// Beyond kMostDetails nothing is added: nobody reads more.
void add_detail(Proof& proof, std::string line);

}  // namespace walkback::drill
