#include "store/mirrored_store.h"

namespace walkback::store {

namespace {

class UnavailableStore final : public ObjectStore {
 public:
  UnavailableStore(std::string description, Error why)
      : description_(std::move(description)), why_(std::move(why)) {}

  Result<PutOutcome> put(const ObjectKey&, ByteView) override { return why_; }
  Result<std::unique_ptr<ObjectWriter>> create(const ObjectKey&) override { return why_; }
  Result<std::optional<Bytes>> get(const ObjectKey&) override { return why_; }
  Result<std::unique_ptr<ObjectReader>> open(const ObjectKey&) override { return why_; }
  Result<std::optional<ObjectInfo>> info(const ObjectKey&) override { return why_; }
  Result<void> list(std::string_view, std::string_view, const Visitor&) override { return why_; }
  Result<std::vector<std::string>> list_folders(std::string_view) override { return why_; }
  Result<void> remove(const ObjectKey&) override { return why_; }
  bool conditional_put() const override { return true; }
  std::string description() const override { return description_; }

 private:
  const std::string description_;
  const Error why_;
};

}  // namespace

std::unique_ptr<ObjectStore> make_unavailable_store(std::string description, Error why) {
  // That a place is missing must not read as if every object in it were.
  if (why.kind == ErrorKind::kMissing) why.kind = ErrorKind::kTransient;
  return std::make_unique<UnavailableStore>(std::move(description), std::move(why));
}

}  // namespace walkback::store
