#include "store/mirrored_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <mutex>

#include "base/sort_unique.h"
#include "store/between_stores.h"
#include "store/listing.h"
#include "store/watched_place.h"

namespace walkback::store {

namespace {

using std::chrono::nanoseconds;

constexpr std::string_view kBehind = "behind/";
constexpr std::string_view kPut = "put";
constexpr std::string_view kRemoved = "removed";

// What a place missed, as the other place has it written down.
struct Missed {
  ObjectKey note;
  bool removal = false;
  ObjectKey key;
};

// behind/TIME/WHAT/KEY
std::optional<Missed> parse_note(const ObjectKey& note) {
  const std::string_view rest = std::string_view(note.text()).substr(kBehind.size());
  const size_t what = rest.find('/');
  const size_t key = what == std::string_view::npos ? what : rest.find('/', what + 1);
  if (key == std::string_view::npos) return std::nullopt;
  const Result<ObjectKey> named = ObjectKey::parse(rest.substr(key + 1));
  if (!named.ok()) return std::nullopt;
  return Missed{note, rest.substr(what + 1, key - what - 1) == kRemoved, *named};
}

class Mirror final : public ObjectStore {
 public:
  Mirror(MirrorPlace first, MirrorPlace second, ObjectKey completeness, bool begins, Clock& clock,
         std::function<void(const Error&)> tell)
      : places_{WatchedPlace(std::move(first), clock), WatchedPlace(std::move(second), clock)},
        completeness_(std::move(completeness)),
        begins_(begins),
        clock_(clock),
        tell_(std::move(tell)) {}

  Result<PutOutcome> put(const ObjectKey& key, ByteView data) override {
    return write(key, [&](size_t place) { return store(place).put(key, data); });
  }
  Result<std::unique_ptr<ObjectWriter>> create(const ObjectKey& key) override;
  Result<std::optional<Bytes>> get(const ObjectKey& key) override {
    return ask<Bytes>([&](size_t place) { return store(place).get(key); });
  }
  Result<std::unique_ptr<ObjectReader>> open(const ObjectKey& key) override;
  Result<std::optional<ObjectInfo>> info(const ObjectKey& key) override {
    return ask<ObjectInfo>([&](size_t place) { return store(place).info(key); });
  }
  Result<void> list(std::string_view prefix, std::string_view after, const Visitor& visit) override;
  Result<std::vector<std::string>> list_folders(std::string_view folder) override;
  Result<void> remove(const ObjectKey& key) override { return remove_all(std::span(&key, 1)); }
  Result<void> remove_all(std::span<const ObjectKey> keys) override;

  bool conditional_put() const override {
    return store(0).conditional_put() && store(1).conditional_put();
  }
  bool encrypted() const override { return store(0).encrypted() || store(1).encrypted(); }
  ObjectKey stored_name(const ObjectKey& key) const override { return store(0).stored_name(key); }
  std::string description() const override {
    return places_[0].store().description() + " and " + places_[1].store().description();
  }

  Result<CatchUp> catch_up(CatchUpExtent extent, nanoseconds deadline) override;

 private:
  class Writer;
  class Reader;

  ObjectStore& store(size_t place) const { return places_[place].store(); }
  static size_t other(size_t place) { return 1 - place; }

  // A call that changes something: nothing when the place rests, or failed and may.
  template <typename Call>
  auto attempt(size_t place, Call call)
      -> Result<std::optional<std::decay_t<decltype(call().value())>>> {
    look_for_notes();
    if (places_[place].rests()) return {std::nullopt};
    auto done = admitted_call(place, call);
    if (done.ok()) return std::optional(std::move(done).value());
    if (places_[place].required() || done.error().kind == ErrorKind::kCancelled) {
      return done.error();
    }
    failed(place, done.error());
    return {std::nullopt};
  }

  Result<void> admit(size_t place) {
    if (begins_) return success();
    std::lock_guard lock(admission_mutex_);
    return places_[place].admitted(completeness_, whole_);
  }

  // Only of a place that is one.
  template <typename Call>
  auto admitted_call(size_t place, Call call) -> decltype(call()) {
    TRY(admit(place));
    return call();
  }

  void failed(size_t place, const Error& error) {
    if (!places_[place].failed()) return;
    tell_(Error(error).with_context(store(place).description() + " has to catch up later"));
  }

  // Once a process: what others wrote down of either place.
  void look_for_notes() {
    // Whoever begins a place wants it tried now.
    if (begins_) return;
    std::call_once(looked_, [this] {
      for (size_t place : {0, 1}) {
        if (places_[place].required()) continue;
        const auto times = store(other(place)).list_folders(kBehind);
        if (!times.ok() || times->empty()) continue;
        int64_t at_s = 0;
        const std::string& last = times->back();
        std::from_chars(last.data(), last.data() + last.size(), at_s);
        places_[place].failed_before(at_s);
      }
    });
  }

  // In the place that did it: that the other has not.
  Result<void> note(size_t place, std::string_view what, const ObjectKey& key) {
    const ObjectKey name = TRY(ObjectKey::parse(
        fmt::format("{}{:012}/{}/{}", kBehind, places_[place].failed_at_s(), what, key.text())));
    TRY_CONTEXT(store(other(place)).put(name, {}),
                "writing down what " + store(place).description() + " misses");
    return success();
  }

  Error neither(const ObjectKey& key) {
    return make_error(ErrorKind::kTransient,
                      fmt::format("neither {} took {}", description(), key.text()),
                      "one of them has to answer: `walkback check` says what is wrong");
  }

  template <typename PutInto>
  Result<PutOutcome> write(const ObjectKey& key, PutInto put_into);
  Result<PutOutcome> older_wins(const ObjectKey& key);

  // A call that reads: one place's answer, or the other's when that one has none. First the first,
  // unless it failed a moment ago.
  template <typename T, typename Call>
  Result<std::optional<T>> ask(Call call) {
    if (!places_[0].required()) look_for_notes();
    const size_t one = places_[0].failed_lately() ? 1 : 0;
    Result<std::optional<T>> first = admitted_call(one, [&] { return call(one); });
    const bool settled =
        first.ok() ? first->has_value() : first.error().kind == ErrorKind::kCancelled;
    if (settled) return first;
    Result<std::optional<T>> second = admitted_call(other(one), [&] { return call(other(one)); });
    if (second.ok() && second->has_value()) {
      if (!first.ok()) answered_by_other(one, first.error());
      return second;
    }
    if (first.ok() && second.ok()) return first;
    const size_t silent = first.ok() ? other(one) : one;
    const Error error = as_outage(first.ok() ? second.error() : first.error());
    if (!TRY(is_complete(other(silent)))) return may_be_behind(other(silent), error);
    answered_by_other(silent, error);
    return std::optional<T>();
  }

  void answered_by_other(size_t place, const Error& error) {
    if (!places_[place].failed()) return;
    tell_(Error(error).with_context(
        fmt::format("asking {} instead", store(other(place)).description())));
  }

  // What it does not have may be in the other place, which does not answer.
  Error may_be_behind(size_t place, Error error) const {
    if (places_[place].required()) return error;
    constexpr std::string_view kKeys[] = {"repository.required", "second_repository.required"};
    error.hint = fmt::format(
        "{} may lack what was put last, for it is not required; with {} = true in the "
        "configuration "
        "what it has counts as all there is",
        store(place).description(), kKeys[place]);
    return error;
  }

  // Whether it has all that was ever acknowledged.
  Result<bool> is_complete(size_t place) {
    if (!places_[place].required()) return false;
    return TRY(store(place).info(completeness_)).has_value();
  }

  // Every object that is in one place only, in byte order; `visit` is told where it is.
  Result<void> differences(
      const std::function<Result<void>(const ObjectKey& key, size_t place)>& visit);
  Result<CatchUp> settle_notes(nanoseconds deadline);
  Result<CatchUp> compare(nanoseconds deadline);
  Result<uint64_t> count_differences();
  // Whether a place is one and may be written to; an error when it has to be.
  Result<bool> answers(size_t place) {
    return TRY(attempt(place, []() -> Result<bool> { return true; })).has_value();
  }

  enum class Settled { kDone, kPassedOver, kPlaceFailed };
  Result<Settled> settle(const Missed& missed, size_t place, CatchUp& done);
  Result<void> remove_missed(size_t place, const ObjectKey& key, CatchUp& done);
  // What cannot be read now must not keep the rest from being copied.
  Settled passed_over(const Error& error) {
    tell_(Error(error).with_context("passed over while catching up"));
    return Settled::kPassedOver;
  }
  Result<std::vector<Missed>> missed_by(size_t place);

  std::array<WatchedPlace, 2> places_;
  const ObjectKey completeness_;
  const bool begins_;
  std::mutex admission_mutex_;
  std::optional<Bytes> whole_;  // `completeness_`, as a place has it
  Clock& clock_;
  const std::function<void(const Error&)> tell_;
  std::once_flag looked_;
};

template <typename PutInto>
Result<PutOutcome> Mirror::write(const ObjectKey& key, PutInto put_into) {
  const std::optional<PutOutcome> first = TRY(attempt(0, [&] { return put_into(0); }));
  // What is there already is what both shall have.
  const bool was_there = first == PutOutcome::kAlreadyExists;
  const std::optional<PutOutcome> second = TRY(attempt(1, [&]() -> Result<PutOutcome> {
    std::optional<Error> of_first;
    if (!was_there) return put_into(1);
    const Result<PutOutcome> copied = copy_object(store(0), store(1), key, of_first);
    // What the first has and cannot give must not keep the second from having it.
    return of_first ? put_into(1) : copied;
  }));
  if (!first && !second) return neither(key);
  if (!first) TRY(note(0, kPut, key));
  if (!second) TRY(note(1, kPut, key));
  if (first == PutOutcome::kCreated && second == PutOutcome::kAlreadyExists) {
    return older_wins(key);
  }
  return first ? *first : *second;
}

// The second place had an object of this name and the first had not: lost, or put while the first
// did not answer.
Result<PutOutcome> Mirror::older_wins(const ObjectKey& key) {
  if (TRY(same_bytes(store(0), store(1), key))) return PutOutcome::kCreated;
  std::optional<Error> of_second;
  TRY(store(0).remove(key));
  TRY(copy_object(store(1), store(0), key, of_second));
  return PutOutcome::kAlreadyExists;
}

class Mirror::Writer final : public ObjectWriter {
 public:
  Writer(Mirror& mirror, ObjectKey key) : mirror_(mirror), key_(std::move(key)) {}

  Result<void> open() {
    for (size_t place : {0, 1}) {
      auto writer = TRY(mirror_.attempt(place, [&] { return mirror_.store(place).create(key_); }));
      if (writer) writers_[place] = *std::move(writer);
    }
    return writers_[0] || writers_[1] ? success() : mirror_.neither(key_);
  }

  Result<void> append(ByteView data) override {
    for (size_t place : {0, 1}) {
      if (!writers_[place]) continue;
      const Result<void> appended = writers_[place]->append(data);
      if (appended.ok()) continue;
      const bool may_fail =
          !mirror_.places_[place].required() && appended.error().kind != ErrorKind::kCancelled;
      if (!may_fail) return appended;
      mirror_.failed(place, appended.error());
      writers_[place].reset();
    }
    return writers_[0] || writers_[1] ? success() : mirror_.neither(key_);
  }

  // A place whose writer is gone has failed since, and rests; should it answer again it is given
  // what the other took.
  Result<PutOutcome> finish() override {
    return mirror_.write(key_, [&](size_t place) -> Result<PutOutcome> {
      if (writers_[place]) return writers_[place]->finish();
      std::optional<Error> of_other;
      return copy_object(mirror_.store(other(place)), mirror_.store(place), key_, of_other);
    });
  }

 private:
  Mirror& mirror_;
  const ObjectKey key_;
  std::array<std::unique_ptr<ObjectWriter>, 2> writers_;
};

Result<std::unique_ptr<ObjectWriter>> Mirror::create(const ObjectKey& key) {
  auto writer = std::make_unique<Writer>(*this, key);
  TRY(writer->open());
  return std::unique_ptr<ObjectWriter>(std::move(writer));
}

// From the place that had it, and from the other as soon as that one fails.
class Mirror::Reader final : public ObjectReader {
 public:
  Reader(Mirror& mirror, ObjectKey key, size_t place, std::unique_ptr<ObjectReader> reader)
      : mirror_(mirror), key_(std::move(key)), place_(place), reader_(std::move(reader)) {}

  Result<void> read_at(uint64_t offset, MutableBytes out) override {
    if (other_is_better_ && other_->read_at(offset, out).ok()) return success();
    const Result<void> read = reader_->read_at(offset, out);
    if (read.ok() || read.error().kind == ErrorKind::kCancelled) return read;
    std::call_once(opened_other_, [&] {
      auto opened = mirror_.store(other(place_)).open(key_);
      if (opened.ok() && (*opened)->size() == size()) other_ = *std::move(opened);
    });
    if (!other_) return read;
    const Result<void> again = other_->read_at(offset, out);
    if (!again.ok()) return read;
    other_is_better_ = true;
    mirror_.answered_by_other(place_, read.error());
    return success();
  }
  uint64_t size() const override { return reader_->size(); }

 private:
  Mirror& mirror_;
  const ObjectKey key_;
  const size_t place_;
  const std::unique_ptr<ObjectReader> reader_;
  std::once_flag opened_other_;
  std::unique_ptr<ObjectReader> other_;
  std::atomic<bool> other_is_better_ = false;  // once set, so is other_
};

Result<std::unique_ptr<ObjectReader>> Mirror::open(const ObjectKey& key) {
  size_t from = 0;
  auto opened = TRY(ask<std::unique_ptr<ObjectReader>>(
      [&](size_t place) -> Result<std::optional<std::unique_ptr<ObjectReader>>> {
        from = place;
        auto reader = store(place).open(key);
        if (reader.ok()) return std::optional(*std::move(reader));
        // Of the object, or of all that it lies in?
        const bool absent =
            reader.error().kind == ErrorKind::kMissing && !TRY(store(place).info(key)).has_value();
        if (absent) return std::optional<std::unique_ptr<ObjectReader>>();
        return std::move(reader).error();
      }));
  if (!opened) {
    return make_error(ErrorKind::kMissing,
                      fmt::format("{} is not in {}", key.text(), description()));
  }
  return std::unique_ptr<ObjectReader>(
      std::make_unique<Reader>(*this, key, from, *std::move(opened)));
}

Result<void> Mirror::list(std::string_view prefix, std::string_view after, const Visitor& visit) {
  std::array<Listing, 2> listings{Listing(store(0), prefix, after),
                                  Listing(store(1), prefix, after)};
  std::array<bool, 2> silent{};
  for (;;) {
    std::array<const ObjectInfo*, 2> next{};
    for (size_t place : {0, 1}) {
      if (silent[place]) continue;
      const Result<const ObjectInfo*> info =
          admitted_call(place, [&] { return listings[place].peek(); });
      if (info.ok()) {
        next[place] = *info;
        continue;
      }
      const bool alone = !silent[other(place)] && TRY(is_complete(other(place)));
      if (info.error().kind == ErrorKind::kCancelled) return info.error();
      if (!alone) return may_be_behind(other(place), as_outage(info.error()));
      answered_by_other(place, info.error());
      silent[place] = true;
    }
    if (next[0] == nullptr && next[1] == nullptr) return success();
    const bool second = next[0] == nullptr || (next[1] != nullptr && next[1]->key < next[0]->key);
    const ObjectInfo info = second ? *next[1] : *next[0];
    for (size_t place : {0, 1}) {
      if (next[place] != nullptr && next[place]->key == info.key) listings[place].skip();
    }
    const bool ours = info.key.text().starts_with(kBehind);
    if (!ours && !visit(info)) return success();
  }
}

Result<std::vector<std::string>> Mirror::list_folders(std::string_view folder) {
  std::vector<std::string> all;
  for (size_t place : {0, 1}) {
    Result<std::vector<std::string>> folders =
        admitted_call(place, [&] { return store(place).list_folders(folder); });
    if (folders.ok()) {
      all.insert(all.end(), folders->begin(), folders->end());
      continue;
    }
    if (folders.error().kind == ErrorKind::kCancelled) return folders.error();
    if (!TRY(is_complete(other(place)))) {
      return may_be_behind(other(place), as_outage(folders.error()));
    }
    answered_by_other(place, folders.error());
  }
  sort_unique(all);
  if (folder.empty()) std::erase(all, std::string(kBehind.substr(0, kBehind.size() - 1)));
  return all;
}

Result<void> Mirror::remove_all(std::span<const ObjectKey> keys) {
  if (keys.empty()) return success();
  std::array<bool, 2> removed{};
  for (size_t place : {0, 1}) {
    removed[place] = TRY(attempt(place, [&]() -> Result<bool> {
                       TRY(store(place).remove_all(keys));
                       return true;
                     })).has_value();
  }
  if (!removed[0] && !removed[1]) return neither(keys.front());
  for (size_t place : {0, 1}) {
    if (removed[place]) continue;
    for (const ObjectKey& key : keys) TRY(note(place, kRemoved, key));
  }
  return success();
}

Result<std::vector<Missed>> Mirror::missed_by(size_t place) {
  std::vector<Missed> all;
  TRY(store(other(place)).list(kBehind, "", [&](const ObjectInfo& info) {
    if (auto missed = parse_note(info.key)) all.push_back(*std::move(missed));
    return true;
  }));
  return all;
}

// The place that wrote the note down has all that was acknowledged, and so is right.
Result<Mirror::Settled> Mirror::settle(const Missed& missed, size_t place, CatchUp& done) {
  ObjectStore& source = store(other(place));
  const Result<std::optional<ObjectInfo>> looked = source.info(missed.key);
  if (!looked.ok()) return passed_over(looked.error());
  const bool there = looked->has_value();
  // An object that is not there any more was removed, and noted so, or lost: then the other's may
  // be the last one.
  if (there || missed.removal) {
    std::optional<Error> of_source;
    const Result<void> settled = there
                                     ? make_same(source, store(place), missed.key, of_source, done)
                                     : remove_missed(place, missed.key, done);
    if (of_source) return passed_over(*of_source);
    if (!settled.ok()) {
      if (places_[place].required()) return settled.error();
      failed(place, settled.error());
      return Settled::kPlaceFailed;
    }
  }
  TRY(source.remove(missed.note));
  // Somebody put or removed it meanwhile, and may have found this note there for his own.
  const bool there_now = TRY(source.info(missed.key)).has_value();
  if (there_now != there) TRY(note(place, there_now ? kPut : kRemoved, missed.key));
  return Settled::kDone;
}

Result<void> Mirror::remove_missed(size_t place, const ObjectKey& key, CatchUp& done) {
  TRY(store(place).remove(key));
  ++done.removed;
  return success();
}

Result<CatchUp> Mirror::settle_notes(nanoseconds deadline) {
  CatchUp done;
  look_for_notes();
  for (size_t place : {0, 1}) {
    if (places_[other(place)].rests() || !TRY(answers(place))) continue;
    for (const Missed& missed : TRY(missed_by(place))) {
      if (clock_.monotonic() >= deadline) return done;
      if (TRY(settle(missed, place, done)) == Settled::kPlaceFailed) break;
    }
  }
  return done;
}

Result<void> Mirror::differences(
    const std::function<Result<void>(const ObjectKey& key, size_t place)>& visit) {
  std::array<Listing, 2> listings{Listing(store(0), "", ""), Listing(store(1), "", "")};
  for (;;) {
    const ObjectInfo* first = TRY(listings[0].peek());
    const ObjectInfo* second = TRY(listings[1].peek());
    if (first == nullptr && second == nullptr) return success();
    if (first != nullptr && second != nullptr && first->key == second->key) {
      listings[0].skip();
      listings[1].skip();
      continue;
    }
    const size_t place = first == nullptr || (second != nullptr && second->key < first->key);
    const ObjectKey key = place == 1 ? second->key : first->key;
    listings[place].skip();
    if (!key.text().starts_with(kBehind)) TRY(visit(key, place));
  }
}

Result<CatchUp> Mirror::compare(nanoseconds deadline) {
  // First what was removed and must not come back.
  CatchUp done = TRY(settle_notes(deadline));
  for (size_t place : {0, 1}) {
    if (!TRY(answers(place))) return done;
  }
  TRY(differences([&](const ObjectKey& key, size_t place) -> Result<void> {
    if (clock_.monotonic() >= deadline) return success();
    std::optional<Error> of_source;
    const auto copied = copy_object(store(place), store(other(place)), key, of_source);
    if (copied.ok() && *copied == PutOutcome::kCreated) ++done.copied;
    // Removed since it was listed.
    if (of_source && of_source->kind == ErrorKind::kMissing) return success();
    if (of_source) passed_over(*of_source);
    if (copied.ok() || of_source) return success();
    return copied.error();
  }));
  return done;
}

Result<uint64_t> Mirror::count_differences() {
  uint64_t count = 0;
  TRY(differences([&](const ObjectKey&, size_t) -> Result<void> {
    ++count;
    return success();
  }));
  return count;
}

Result<CatchUp> Mirror::catch_up(CatchUpExtent extent, nanoseconds deadline) {
  switch (extent) {
    case CatchUpExtent::kCount:
      return CatchUp{.behind = TRY(count_differences())};
    case CatchUpExtent::kNoted:
      return settle_notes(deadline);
    case CatchUpExtent::kAll:
      return compare(deadline);
  }
  return CatchUp{};
}

}  // namespace

std::unique_ptr<ObjectStore> make_mirrored_store(MirrorPlace first, MirrorPlace second,
                                                 ObjectKey completeness, MirrorUse use,
                                                 Clock& clock,
                                                 std::function<void(const Error&)> tell) {
  return std::make_unique<Mirror>(std::move(first), std::move(second), std::move(completeness),
                                  use == MirrorUse::kBegins, clock, std::move(tell));
}

}  // namespace walkback::store
