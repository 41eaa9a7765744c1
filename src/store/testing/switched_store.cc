#include "store/testing/switched_store.h"

#include "store/testing/forwarding_store.h"

namespace walkback::store {
namespace {

Result<void> check(Switch& power, std::string_view key = {}) {
  if (!power.off || (!power.only.empty() && power.only != key)) return success();
  ++power.calls;
  return make_error(ErrorKind::kTransient, "the store is off (a test's doing)");
}

class SwitchedReader final : public ObjectReader {
 public:
  SwitchedReader(std::unique_ptr<ObjectReader> inner, Switch& power)
      : inner_(std::move(inner)), power_(power) {}
  Result<void> read_at(uint64_t offset, MutableBytes out) override {
    TRY(check(power_));
    return inner_->read_at(offset, out);
  }
  uint64_t size() const override { return inner_->size(); }

 private:
  std::unique_ptr<ObjectReader> inner_;
  Switch& power_;
};

class SwitchedWriter final : public ObjectWriter {
 public:
  SwitchedWriter(std::unique_ptr<ObjectWriter> inner, Switch& power)
      : inner_(std::move(inner)), power_(power) {}
  Result<void> append(ByteView data) override {
    TRY(check(power_));
    return inner_->append(data);
  }
  Result<PutOutcome> finish() override {
    TRY(check(power_));
    return inner_->finish();
  }

 private:
  std::unique_ptr<ObjectWriter> inner_;
  Switch& power_;
};

class SwitchedStore final : public ForwardingStore {
 public:
  SwitchedStore(ObjectStore& inner, Switch& power) : ForwardingStore(inner), power_(power) {}

  Result<std::unique_ptr<ObjectWriter>> create(const ObjectKey& key) override {
    return std::unique_ptr<ObjectWriter>(
        std::make_unique<SwitchedWriter>(TRY(ForwardingStore::create(key)), power_));
  }
  Result<std::unique_ptr<ObjectReader>> open(const ObjectKey& key) override {
    return std::unique_ptr<ObjectReader>(
        std::make_unique<SwitchedReader>(TRY(ForwardingStore::open(key)), power_));
  }

 private:
  Result<void> before(std::string_view name) override { return check(power_, name); }
  Switch& power_;
};

}  // namespace

std::unique_ptr<ObjectStore> make_switched_store(ObjectStore& inner, Switch& power) {
  return std::make_unique<SwitchedStore>(inner, power);
}

}  // namespace walkback::store
