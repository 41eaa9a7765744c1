#include "store/testing/faulty_store.h"

#include "base/testing/seeded_random.h"

namespace walkback::store {
namespace {

// Shared by a store and what it opened.
class Dice {
 public:
  explicit Dice(Faults faults) : random_(faults.seed), percent_(faults.percent) {}

  // Fails before, fails after, or just calls.
  template <typename Call>
  auto call(Call call) -> decltype(call()) {
    if (!random_.percent(percent_)) return call();
    if (random_.percent(50)) (void)call();
    return failure();
  }
  bool fails() { return random_.percent(percent_); }
  uint64_t below(uint64_t limit) { return random_.below(limit); }
  static Error failure() {
    return make_error(ErrorKind::kTransient, "the connection was lost (a test's doing)");
  }

 private:
  SeededRandom random_;
  unsigned percent_;
};

class FaultyReader final : public ObjectReader {
 public:
  FaultyReader(std::unique_ptr<ObjectReader> inner, std::shared_ptr<Dice> dice)
      : inner_(std::move(inner)), dice_(std::move(dice)) {}
  Result<void> read_at(uint64_t offset, MutableBytes out) override {
    return dice_->call([&] { return inner_->read_at(offset, out); });
  }
  uint64_t size() const override { return inner_->size(); }

 private:
  std::unique_ptr<ObjectReader> inner_;
  std::shared_ptr<Dice> dice_;
};

class FaultyWriter final : public ObjectWriter {
 public:
  FaultyWriter(std::unique_ptr<ObjectWriter> inner, std::shared_ptr<Dice> dice)
      : inner_(std::move(inner)), dice_(std::move(dice)) {}
  Result<void> append(ByteView data) override {
    if (failed_ || dice_->fails()) return fail();
    return inner_->append(data);
  }
  Result<PutOutcome> finish() override {
    if (failed_) return Dice::failure();
    return dice_->call([&] { return inner_->finish(); });
  }

 private:
  Result<void> fail() {
    failed_ = true;  // A stream with a hole is never finished.
    return Dice::failure();
  }

  std::unique_ptr<ObjectWriter> inner_;
  std::shared_ptr<Dice> dice_;
  bool failed_ = false;
};

class FaultyStore final : public ObjectStore {
 public:
  FaultyStore(ObjectStore& inner, Faults faults)
      : inner_(inner), dice_(std::make_shared<Dice>(faults)) {}

  Result<PutOutcome> put(const ObjectKey& key, ByteView data) override {
    return dice_->call([&] { return inner_.put(key, data); });
  }
  Result<std::unique_ptr<ObjectWriter>> create(const ObjectKey& key) override {
    std::unique_ptr<ObjectWriter> writer = TRY(dice_->call([&] { return inner_.create(key); }));
    return {std::make_unique<FaultyWriter>(std::move(writer), dice_)};
  }
  Result<std::optional<Bytes>> get(const ObjectKey& key) override {
    return dice_->call([&] { return inner_.get(key); });
  }
  Result<std::unique_ptr<ObjectReader>> open(const ObjectKey& key) override {
    std::unique_ptr<ObjectReader> reader = TRY(dice_->call([&] { return inner_.open(key); }));
    return {std::make_unique<FaultyReader>(std::move(reader), dice_)};
  }
  Result<std::optional<ObjectInfo>> info(const ObjectKey& key) override {
    return dice_->call([&] { return inner_.info(key); });
  }
  Result<void> list(std::string_view prefix, std::string_view after,
                    const Visitor& visit) override {
    if (!dice_->fails()) return inner_.list(prefix, after, visit);
    uint64_t left = dice_->below(100);
    TRY(inner_.list(prefix, after,
                    [&](const ObjectInfo& info) { return left-- > 0 && visit(info); }));
    return Dice::failure();
  }
  Result<std::vector<std::string>> list_folders(std::string_view folder) override {
    return dice_->call([&] { return inner_.list_folders(folder); });
  }
  Result<void> remove(const ObjectKey& key) override {
    return dice_->call([&] { return inner_.remove(key); });
  }
  Result<void> remove_all(std::span<const ObjectKey> keys) override {
    return dice_->call([&] { return inner_.remove_all(keys); });
  }
  bool conditional_put() const override { return inner_.conditional_put(); }
  bool encrypted() const override { return inner_.encrypted(); }
  ObjectKey stored_name(const ObjectKey& key) const override { return inner_.stored_name(key); }
  std::string description() const override { return inner_.description(); }

 private:
  ObjectStore& inner_;
  std::shared_ptr<Dice> dice_;
};

}  // namespace

std::unique_ptr<ObjectStore> make_faulty_store(ObjectStore& inner, Faults faults) {
  return std::make_unique<FaultyStore>(inner, faults);
}

}  // namespace walkback::store
