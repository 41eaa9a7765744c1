// What a run has found so far.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "verify/memory.h"
#include "verify/verify.h"

namespace walkback::verify {

// Thread-safe. An object has one finding, the first.
class Ledger {
 public:
  // It is as it should be, by this proof.
  void count(ObjectClass of, uint64_t stored_bytes, Proof proof, Timestamp proved_at);
  void count_read(ObjectClass of, uint64_t stored_bytes);
  // True when it is the object's first.
  bool find(ObjectClass of, Finding finding);
  bool in_trouble(const std::string& object) const;
  void warn(std::string text);
  // No key opened it, and nothing else told whether it is whole. That is a finding where keys
  // opened others of the same secrecy: then it is this object's doing.
  void unopened(ObjectClass of, const std::string& object, uint64_t stored_bytes, std::string why);
  void opened(ObjectClass of);
  void settle_unopened();

  void write_to(VerifyReport& report) const;

 private:
  static constexpr size_t kMostFindings = 1000;
  struct Unopened {
    ObjectClass of;
    std::string object;
    uint64_t stored_bytes = 0;
    std::string why;
  };

  mutable std::mutex mutex_;  // guards all below
  std::array<ClassReport, kObjectClasses> classes_;
  std::map<std::string, Finding> findings_;  // by object
  uint64_t left_out_ = 0;
  std::vector<std::string> warnings_;
  std::vector<Unopened> unopened_;
  bool opened_data_ = false;
  bool opened_metadata_ = false;
};

}  // namespace walkback::verify
