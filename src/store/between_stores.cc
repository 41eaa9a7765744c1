#include "store/between_stores.h"

#include <algorithm>

namespace walkback::store {

namespace {
constexpr size_t kCopyBytes = size_t{4} << 20;
}  // namespace

Result<PutOutcome> copy_object(ObjectStore& from, ObjectStore& to, const ObjectKey& key,
                               std::optional<Error>& of_source) {
  const auto source_failed = [&](const Error& error) {
    of_source = error;
    return error;
  };
  if (TRY(to.info(key))) return PutOutcome::kAlreadyExists;
  const Result<std::unique_ptr<ObjectReader>> reader = from.open(key);
  if (!reader.ok()) return source_failed(reader.error());
  const std::unique_ptr<ObjectWriter> writer = TRY(to.create(key));
  Bytes piece;
  for (uint64_t done = 0; done < (*reader)->size(); done += piece.size()) {
    piece.resize(std::min<uint64_t>(kCopyBytes, (*reader)->size() - done));
    const Result<void> read = (*reader)->read_at(done, piece);
    if (!read.ok()) return source_failed(read.error());
    TRY(writer->append(piece));
  }
  return writer->finish();
}

Result<bool> same_bytes(ObjectStore& one, ObjectStore& other, const ObjectKey& key) {
  const std::unique_ptr<ObjectReader> a = TRY(one.open(key));
  const std::unique_ptr<ObjectReader> b = TRY(other.open(key));
  if (a->size() != b->size()) return false;
  Bytes of_a, of_b;
  for (uint64_t done = 0; done < a->size(); done += of_a.size()) {
    of_a.resize(std::min<uint64_t>(kCopyBytes, a->size() - done));
    of_b.resize(of_a.size());
    TRY(a->read_at(done, of_a));
    TRY(b->read_at(done, of_b));
    if (of_a != of_b) return false;
  }
  return true;
}

Result<void> make_same(ObjectStore& from, ObjectStore& to, const ObjectKey& key,
                       std::optional<Error>& of_source, CatchUp& done) {
  PutOutcome outcome = TRY(copy_object(from, to, key, of_source));
  if (outcome == PutOutcome::kAlreadyExists) {
    if (TRY(same_bytes(from, to, key))) return success();
    TRY(to.remove(key));
    outcome = TRY(copy_object(from, to, key, of_source));
  }
  if (outcome == PutOutcome::kCreated) ++done.copied;
  return success();
}

}  // namespace walkback::store
