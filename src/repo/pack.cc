#include "repo/pack.h"

#include <condition_variable>
#include <list>
#include <map>
#include <utility>

#include "base/bounded_queue.h"
#include "base/task_group.h"

namespace walkback::repo {

std::string PackId::text() const { return to_hex(bytes); }

store::ObjectKey pack_key(std::string_view prefix, const PackId& id) {
  const std::string name = id.text();
  return store::ObjectKey(std::string(prefix) + "/" + name.substr(0, 2) + "/" + name + ".zst");
}

PackWriter::PackWriter(store::ObjectStore& objects, Random& random, std::string prefix,
                       uint32_t target_bytes, PackFinisher& finisher)
    : objects_(objects),
      random_(random),
      prefix_(std::move(prefix)),
      target_bytes_(target_bytes),
      finisher_(finisher) {}

PackWriter::~PackWriter() = default;

Result<FrameLocation> PackWriter::append(ByteView frame) {
  // A pack may exceed its target by its last frame; a frame beyond the target has a pack of its
  // own.
  if (!writer_) TRY(open_next());
  TRY_CONTEXT(writer_->append(frame), "writing pack " + id_.text());
  const FrameLocation location{id_, size_, static_cast<uint32_t>(frame.size())};
  size_ += location.length;
  if (size_ >= target_bytes_) TRY(close());
  return location;
}

Result<void> PackWriter::open_next() {
  random_.fill(id_.bytes);
  size_ = 0;
  writer_ = TRY_CONTEXT(objects_.create(pack_key(prefix_, id_)), "creating pack " + id_.text());
  return success();
}

Result<void> PackWriter::close() {
  if (!writer_) return success();
  return finisher_.submit(id_, size_, std::move(writer_));
}

struct PackFinisher::State {
  struct Closed {
    Stored pack;
    std::unique_ptr<store::ObjectWriter> writer;
  };

  explicit State(size_t waiting) : queue(waiting), group({}, [this] { queue.abandon(); }) {}

  Result<void> finish_all() {
    while (std::optional<Closed> closed = queue.pop()) {
      Result<void> outcome = finish(*closed);
      std::lock_guard lock(mutex);
      if (!outcome.ok()) {
        if (!first_error) first_error = outcome.error();
        return outcome;
      }
      stored.push_back(closed->pack);
    }
    return success();
  }

  static Result<void> finish(Closed& closed) {
    const std::string context = "storing pack " + closed.pack.id.text();
    const store::PutOutcome outcome = TRY_CONTEXT(closed.writer->finish(), context);
    if (outcome == store::PutOutcome::kAlreadyExists) {
      return make_error(
          ErrorKind::kConflict, context + ": its random name is taken",
          "the source of random numbers repeats itself; check the host's clone or snapshot set-up");
    }
    if (const auto hash = closed.writer->stored_hash()) closed.pack.stored_hash = {*hash};
    return success();
  }

  BoundedQueue<Closed> queue;
  std::mutex mutex;  // guards the two below
  std::optional<Error> first_error;
  std::vector<Stored> stored;
  TaskGroup group;  // last: its tasks use all the others
};

PackFinisher::PackFinisher(int threads)
    : state_(std::make_unique<State>(static_cast<size_t>(threads))) {
  CHECK(threads > 0);
  for (int i = 0; i < threads; ++i) {
    state_->group.start([state = state_.get()](std::stop_token) { return state->finish_all(); });
  }
}

PackFinisher::~PackFinisher() = default;

Result<void> PackFinisher::submit(PackId id, uint32_t size,
                                  std::unique_ptr<store::ObjectWriter> writer) {
  if (state_->queue.push({{id, size}, std::move(writer)})) return success();
  std::lock_guard lock(state_->mutex);
  if (state_->first_error) return *state_->first_error;
  return make_error(ErrorKind::kCancelled, "packs are no longer taken");
}

Result<std::vector<PackFinisher::Stored>> PackFinisher::wait() {
  state_->queue.close();
  TRY(state_->group.wait());
  return std::move(state_->stored);
}

// Small frames that are read one after another, as those of small files are, come with one read of
// many: for a bucket a request, and for an encrypted pack 64 KiB, whatever was asked for.
class ReadAhead {
 public:
  Result<void> read(store::ObjectReader& pack, uint64_t offset, MutableBytes out) {
    std::lock_guard lock(mutex_);
    const uint64_t end = begin_ + bytes_.size();
    if (offset < begin_ || offset + out.size() > end) {
      const bool goes_on = offset >= begin_ && offset <= end && !bytes_.empty();
      const uint64_t wanted = goes_on ? std::max<uint64_t>(kReadAhead, out.size()) : out.size();
      // Beyond the end is for the pack to say.
      const uint64_t there = pack.size() - std::min(offset, pack.size());
      bytes_.resize(std::max<uint64_t>(std::min(wanted, there), out.size()));
      begin_ = offset;
      const Result<void> read = pack.read_at(offset, bytes_);
      if (!read.ok()) {
        bytes_.clear();
        return read;
      }
    }
    std::copy_n(bytes_.begin() + static_cast<ptrdiff_t>(offset - begin_), out.size(), out.begin());
    return success();
  }

 private:
  static constexpr uint64_t kReadAhead = 1 << 20;

  std::mutex mutex_;
  uint64_t begin_ = 0;
  Bytes bytes_;
};

// What is larger gains nothing from it.
constexpr size_t kSmallRead = 128 << 10;

struct PackReader::State {
  struct Pack {
    std::shared_ptr<store::ObjectReader> reader;
    std::shared_ptr<ReadAhead> read_ahead;  // of the latest used only: it is large
  };
  struct Open {
    PackId id;
    Pack pack;
  };
  static constexpr size_t kReadAheads = 4;

  std::mutex mutex;        // guards the two below
  std::list<Open> recent;  // the latest used first
  std::map<PackId, std::list<Open>::iterator> by_id;

  std::optional<Pack> find(const PackId& id) {
    std::lock_guard lock(mutex);
    const auto found = by_id.find(id);
    if (found == by_id.end()) return std::nullopt;
    recent.splice(recent.begin(), recent, found->second);
    return use_first();
  }

  // Two threads may have opened the same pack; the first one's stays.
  Pack keep(const PackId& id, std::shared_ptr<store::ObjectReader> reader, size_t limit) {
    std::lock_guard lock(mutex);
    const auto found = by_id.find(id);
    if (found != by_id.end()) return found->second->pack;
    recent.push_front({id, {std::move(reader), nullptr}});
    by_id[id] = recent.begin();
    if (recent.size() > limit) {
      by_id.erase(recent.back().id);
      recent.pop_back();
    }
    return use_first();
  }

 private:
  Pack use_first() {
    Pack& first = recent.front().pack;
    if (!first.read_ahead) first.read_ahead = std::make_shared<ReadAhead>();
    if (recent.size() > kReadAheads) {
      std::next(recent.begin(), kReadAheads)->pack.read_ahead.reset();
    }
    return first;
  }
};

PackReader::PackReader(store::ObjectStore& objects, std::string prefix, size_t open_limit)
    : objects_(objects),
      prefix_(std::move(prefix)),
      open_limit_(open_limit),
      state_(std::make_unique<State>()) {}

PackReader::~PackReader() = default;

Result<void> PackReader::read(const FrameLocation& location, MutableBytes out) {
  CHECK(out.size() == location.length);
  std::optional<State::Pack> pack = state_->find(location.pack);
  if (!pack) {
    // Opened outside the lock: a slow store holds up nobody else.
    Result<std::unique_ptr<store::ObjectReader>> opened =
        objects_.open(pack_key(prefix_, location.pack));
    if (!opened.ok()) {
      return std::move(opened).error().with_context("pack " + location.pack.text());
    }
    pack = state_->keep(location.pack, std::move(opened).value(), open_limit_);
  }
  const bool small = out.size() < kSmallRead && pack->read_ahead;
  TRY_CONTEXT(small ? pack->read_ahead->read(*pack->reader, location.offset, out)
                    : pack->reader->read_at(location.offset, out),
              "pack " + location.pack.text());
  return success();
}

}  // namespace walkback::repo
