#include "store/testing/switched_store.h"

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

class SwitchedStore final : public ObjectStore {
 public:
  SwitchedStore(ObjectStore& inner, Switch& power) : inner_(inner), power_(power) {}

  Result<PutOutcome> put(const ObjectKey& key, ByteView data) override {
    TRY(check(power_));
    return inner_.put(key, data);
  }
  Result<std::unique_ptr<ObjectWriter>> create(const ObjectKey& key) override {
    TRY(check(power_));
    return std::unique_ptr<ObjectWriter>(
        std::make_unique<SwitchedWriter>(TRY(inner_.create(key)), power_));
  }
  Result<std::optional<Bytes>> get(const ObjectKey& key) override {
    TRY(check(power_, key.text()));
    return inner_.get(key);
  }
  Result<std::unique_ptr<ObjectReader>> open(const ObjectKey& key) override {
    TRY(check(power_, key.text()));
    return std::unique_ptr<ObjectReader>(
        std::make_unique<SwitchedReader>(TRY(inner_.open(key)), power_));
  }
  Result<std::optional<ObjectInfo>> info(const ObjectKey& key) override {
    TRY(check(power_));
    return inner_.info(key);
  }
  Result<void> list(std::string_view prefix, std::string_view after,
                    const Visitor& visit) override {
    TRY(check(power_));
    return inner_.list(prefix, after, visit);
  }
  Result<std::vector<std::string>> list_folders(std::string_view folder) override {
    TRY(check(power_));
    return inner_.list_folders(folder);
  }
  Result<void> remove(const ObjectKey& key) override {
    TRY(check(power_));
    return inner_.remove(key);
  }
  bool conditional_put() const override { return inner_.conditional_put(); }
  bool encrypted() const override { return inner_.encrypted(); }
  std::string description() const override { return inner_.description(); }

 private:
  ObjectStore& inner_;
  Switch& power_;
};

}  // namespace

std::unique_ptr<ObjectStore> make_switched_store(ObjectStore& inner, Switch& power) {
  return std::make_unique<SwitchedStore>(inner, power);
}

}  // namespace walkback::store
