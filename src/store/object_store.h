// Named, immutable objects somewhere safe: in a directory or a bucket.
//
// Every store passes one conformance suite (conformance.h). What stores cannot do alike they
// say of themselves; callers adapt to that and never ask which store it is.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace walkback::store {

// A name within the store: components of [A-Za-z0-9._-] parted by '/', none beginning with '.',
// each at most 255 bytes (a file name on Linux), at most 900 in all. No object's name may be
// another's folder ("a" beside "a/b"); a store may refuse it with kConflict. The constructor
// CHECKs; use parse() for names from outside.
class ObjectKey {
 public:
  explicit ObjectKey(std::string text);
  static Result<ObjectKey> parse(std::string_view text);
  const std::string& text() const { return text_; }
  auto operator<=>(const ObjectKey&) const = default;

 private:
  std::string text_;
};

struct ObjectInfo {
  ObjectKey key;
  uint64_t size = 0;  // bytes
};

enum class PutOutcome {
  kCreated,
  kAlreadyExists,  // an object of that name was there; it was not touched, and it is durable
};

// An object being written. Nothing is visible before finish(); destroying it unfinished leaves
// nothing that list() shows. One thread at a time.
class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;
  virtual Result<void> append(ByteView data) = 0;
  // On kCreated the object survives power loss and is visible to get() and list(). Call once.
  virtual Result<PutOutcome> finish() = 0;
  // After finish(), from a store that stores other bytes than it was given: XXH3-128 of those.
  virtual std::optional<std::array<std::byte, 16>> stored_hash() const { return std::nullopt; }
};

// An object being read, at any offset, by any number of threads at once.
class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  // Exactly out.size() bytes from `offset`; fewer there is kCorrupt: the caller took the range from
  // metadata.
  virtual Result<void> read_at(uint64_t offset, MutableBytes out) = 0;
  virtual uint64_t size() const = 0;  // bytes
};

// Of a store that is in two places (mirrored_store.h).
enum class CatchUpExtent {
  kCount,  // nothing is copied
  kNoted,  // what was seen to be missed
  kAll,    // the places are compared
};
struct CatchUp {
  uint64_t copied = 0;   // objects that a place had missed
  uint64_t removed = 0;  // objects that a place had kept
  uint64_t behind = 0;   // kCount: objects that one place has and the other lacks
};

// Thread-safe. Errors name the object and the store.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // Writes the object unless one of that name exists: no call ever replaces an object. On success
  // `data` (or what was there, with kAlreadyExists) survives power loss and is visible to get() and
  // list().
  virtual Result<PutOutcome> put(const ObjectKey& key, ByteView data) = 0;
  // The same in pieces, for objects larger than memory should hold.
  virtual Result<std::unique_ptr<ObjectWriter>> create(const ObjectKey& key) = 0;

  // Nothing when there is no such object.
  virtual Result<std::optional<Bytes>> get(const ObjectKey& key) = 0;
  virtual Result<std::unique_ptr<ObjectReader>> open(const ObjectKey& key) = 0;  // absent: kMissing
  virtual Result<std::optional<ObjectInfo>> info(const ObjectKey& key) = 0;

  // Every object whose name starts with `prefix`, in byte order of the names, beginning after
  // `after`. The visitor returns false to end early.
  using Visitor = std::function<bool(const ObjectInfo&)>;
  virtual Result<void> list(std::string_view prefix, std::string_view after,
                            const Visitor& visit) = 0;
  // The distinct next components below `folder` (which ends in '/' or is empty) that hold objects,
  // in byte order: one request where list() would be thousands.
  virtual Result<std::vector<std::string>> list_folders(std::string_view folder) = 0;

  // Absent is success: removal may be repeated.
  virtual Result<void> remove(const ObjectKey& key) = 0;
  // The same for many: one request for a thousand where the store can. After a failure some may be
  // gone.
  virtual Result<void> remove_all(std::span<const ObjectKey> keys) {
    for (const ObjectKey& key : keys) TRY(remove(key));
    return success();
  }

  // Where a place missed something, the other gives it; nothing for a store that is one place. Ends
  // when `deadline`, of the clock's monotonic time, has come.
  virtual Result<CatchUp> catch_up(CatchUpExtent extent, std::chrono::nanoseconds deadline) {
    (void)extent, (void)deadline;
    return CatchUp{};
  }

  // Of two writers of one name exactly one is told kCreated. A server may have to be asked.
  virtual bool conditional_put() const = 0;
  // What was put may be unreadable to who put it.
  virtual bool encrypted() const { return false; }
  // What the object is called where it lies: what somebody who looks there has to look for.
  virtual ObjectKey stored_name(const ObjectKey& key) const { return key; }
  // As the user would write it: "file:///srv/backup". Never holds a secret.
  virtual std::string description() const = 0;
};

}  // namespace walkback::store
