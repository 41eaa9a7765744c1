// Packs: immutable objects of many frames, one after another, nothing else in them.
//
// Names are random, so two writers never meet. Offsets count plain bytes: encryption, when it wraps
// a pack, is seekable and does not change them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"
#include "base/result.h"
#include "codec/frame.h"
#include "store/object_store.h"

namespace walkback::repo {

// 128 random bits, as 32 hexadecimal digits in names.
struct PackId {
  std::array<std::byte, 16> bytes{};
  auto operator<=>(const PackId&) const = default;
  std::string text() const;
};

using PackIds = std::set<PackId>;

struct FrameLocation {
  PackId pack;
  uint32_t offset = 0;  // bytes from the pack's start
  uint32_t length = 0;  // bytes stored
  auto operator<=>(const FrameLocation&) const = default;
};

// PREFIX/ab/abcdef….zst : 256 folders, so that no directory grows huge.
store::ObjectKey pack_key(std::string_view prefix, const PackId& id);

class PackFinisher;

// Writes frames into packs of about `target_bytes`, closing one and opening the next. Closed packs
// are made durable by background threads of the PackFinisher, so the caller compresses on while the
// disk works. One thread at a time; one PackWriter for each worker.
class PackWriter {
 public:
  PackWriter(store::ObjectStore& objects, Random& random, std::string prefix, uint32_t target_bytes,
             PackFinisher& finisher);
  ~PackWriter();  // an open pack is dropped

  Result<FrameLocation> append(ByteView frame);
  // Hands over the open pack. Frames count as stored only when the finisher says so.
  Result<void> close();

 private:
  Result<void> open_next();

  store::ObjectStore& objects_;
  Random& random_;
  const std::string prefix_;
  const uint32_t target_bytes_;
  PackFinisher& finisher_;
  std::unique_ptr<store::ObjectWriter> writer_;
  PackId id_;
  uint32_t size_ = 0;
};

// Makes closed packs durable, a bounded number waiting. Thread-safe.
class PackFinisher {
 public:
  explicit PackFinisher(int threads);
  ~PackFinisher();
  // Waits while too many packs wait. Once any pack failed, its error: there is no use in writing
  // more.
  Result<void> submit(PackId id, uint32_t size, std::unique_ptr<store::ObjectWriter> writer);

  struct Stored {
    PackId id;
    uint32_t size = 0;
    // ObjectWriter::stored_hash(): what a host can check that cannot read the pack.
    std::optional<codec::ContentHash> stored_hash = {};
  };
  // Waits for all. On success every pack submitted is durable, and here is the list. Call once,
  // last.
  Result<std::vector<Stored>> wait();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Reads frames back, keeping a bounded number of packs open. Thread-safe.
class PackReader {
 public:
  PackReader(store::ObjectStore& objects, std::string prefix, size_t open_limit = 64);
  ~PackReader();
  // Fills `frame` (frame.size() == location.length); a location may span neighbouring frames. A
  // missing pack is kMissing and named, and so is one too short for the location (kCorrupt).
  Result<void> read(const FrameLocation& location, MutableBytes frame);

 private:
  struct State;
  store::ObjectStore& objects_;
  const std::string prefix_;
  const size_t open_limit_;
  std::unique_ptr<State> state_;
};

}  // namespace walkback::repo
