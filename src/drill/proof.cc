#include "drill/proof.h"

namespace walkback::drill {

Proof proved(std::string name, std::string text) {
  return {std::move(name), ProofOutcome::kProved, std::move(text), {}, 0};
}

Proof failed(std::string name, std::string text, std::vector<std::string> details) {
  Proof proof{std::move(name), ProofOutcome::kFailed, std::move(text), {}, 0};
  for (std::string& line : details) add_detail(proof, std::move(line));
  return proof;
}

Proof not_proved(std::string name, std::string text) {
  return {std::move(name), ProofOutcome::kNotProved, std::move(text), {}, 0};
}

void add_detail(Proof& proof, std::string line) {
  if (proof.details.size() < kMostDetails) proof.details.push_back(std::move(line));
}

}  // namespace walkback::drill
