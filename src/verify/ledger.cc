#include "verify/ledger.h"

#include <algorithm>

namespace walkback::verify {

namespace {

template <typename Classes>
auto& of_class(Classes& classes, ObjectClass of) {
  return classes[static_cast<size_t>(of)];
}

}  // namespace

std::string_view trouble_name(Trouble trouble) {
  switch (trouble) {
    case Trouble::kMissing:
      return "missing";
    case Trouble::kDamaged:
      return "damaged";
    case Trouble::kGap:
      return "gap";
    case Trouble::kUnopened:
      return "unopened";
  }
  return {};
}

void Ledger::count(ObjectClass of, uint64_t stored_bytes, Proof proof, Timestamp proved_at) {
  std::lock_guard lock(mutex_);
  ClassReport& report = of_class(classes_, of);
  ++report.objects;
  report.bytes += stored_bytes;
  ++report.by_proof[static_cast<size_t>(proof)];
  if (proof == Proof::kPresent) return;
  report.oldest_proof = std::min(report.oldest_proof.value_or(proved_at), proved_at);
}

void Ledger::count_read(ObjectClass of, uint64_t stored_bytes) {
  std::lock_guard lock(mutex_);
  ++of_class(classes_, of).read;
  of_class(classes_, of).read_bytes += stored_bytes;
}

bool Ledger::find(ObjectClass of, Finding finding) {
  std::lock_guard lock(mutex_);
  if (findings_.contains(finding.object)) return false;
  ++of_class(classes_, of).in_trouble;
  if (findings_.size() >= kMostFindings) {
    ++left_out_;
    return true;
  }
  finding.of = of;
  std::string object = finding.object;
  findings_.emplace(std::move(object), std::move(finding));
  return true;
}

bool Ledger::in_trouble(const std::string& object) const {
  std::lock_guard lock(mutex_);
  return findings_.contains(object);
}

void Ledger::warn(std::string text) {
  std::lock_guard lock(mutex_);
  if (warnings_.size() < kMostFindings) warnings_.push_back(std::move(text));
}

void Ledger::unopened(ObjectClass of, const std::string& object, uint64_t stored_bytes,
                      std::string why) {
  std::lock_guard lock(mutex_);
  unopened_.push_back({of, object, stored_bytes, std::move(why)});
}

void Ledger::opened(ObjectClass of) {
  std::lock_guard lock(mutex_);
  (is_table_data(of) ? opened_data_ : opened_metadata_) = true;
}

void Ledger::settle_unopened() {
  std::vector<Unopened> unopened;
  {
    std::lock_guard lock(mutex_);
    unopened.swap(unopened_);
  }
  for (Unopened& one : unopened) {
    if (is_table_data(one.of) ? opened_data_ : opened_metadata_) {
      find(one.of, {Trouble::kUnopened, std::move(one.object), std::move(one.why), {}});
    } else {
      count(one.of, one.stored_bytes, Proof::kPresent, {});
    }
  }
}

void Ledger::write_to(VerifyReport& report) const {
  std::lock_guard lock(mutex_);
  report.classes = classes_;
  for (const auto& [object, finding] : findings_) report.findings.push_back(finding);
  report.findings_left_out = left_out_;
  report.warnings = warnings_;
}

}  // namespace walkback::verify
