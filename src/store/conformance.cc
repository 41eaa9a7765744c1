#include "store/conformance.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <set>

#include "base/task_group.h"

namespace walkback::store {
namespace {

Error violation(std::string message) {
  return make_error(
      ErrorKind::kUnsupported, std::move(message),
      "this store cannot hold a repository safely; report it with the store's name and version");
}

Result<void> expect(bool holds, std::string_view message) {
  if (holds) return success();
  return violation(std::string(message));
}

// One check at work in its folder.
class Trial {
 public:
  Trial(ObjectStore& store, Random& random, const ConformanceOptions& options)
      : store_(store), random_(random), folder_(options.folder + "/") {}

  ObjectStore& store() { return store_; }
  const std::string& folder() const { return folder_; }
  ObjectKey key(std::string_view name) const { return ObjectKey(folder_ + std::string(name)); }

  Bytes random_bytes(size_t size) {
    Bytes bytes(size);
    random_.fill(bytes);
    return bytes;
  }
  uint64_t below(uint64_t limit) { return random_.next_u64() % limit; }

  Result<void> put_new(std::string_view name, ByteView data) {
    PutOutcome outcome = TRY(store_.put(key(name), data));
    return expect(outcome == PutOutcome::kCreated,
                  fmt::format("putting new {} found it there", name));
  }
  Result<void> expect_content(std::string_view name, ByteView data) {
    std::optional<Bytes> got = TRY(store_.get(key(name)));
    TRY(expect(got.has_value(), fmt::format("{} was put and is not there", name)));
    return expect(
        std::ranges::equal(*got, data),
        fmt::format("{} has other bytes than were put: {} of {}", name, got->size(), data.size()));
  }
  Result<void> expect_absent(std::string_view name) {
    TRY(expect(!TRY(store_.get(key(name))), fmt::format("{} should not be there", name)));
    TRY(expect(!TRY(store_.info(key(name))), fmt::format("{} should not have a size", name)));
    Result<std::unique_ptr<ObjectReader>> reader = store_.open(key(name));
    return expect(!reader.ok() && reader.error().kind == ErrorKind::kMissing,
                  fmt::format("opening absent {} is not a clear \"missing\"", name));
  }
  // Names below the folder, joined by spaces.
  Result<std::string> names(std::string_view prefix = "", std::string_view after = "") {
    std::string text;
    std::string full_after = after.empty() ? "" : folder_ + std::string(after);
    TRY(store_.list(folder_ + std::string(prefix), full_after, [&](const ObjectInfo& info) {
      text += (text.empty() ? "" : " ") + info.key.text().substr(folder_.size());
      return true;
    }));
    return text;
  }
  Result<void> expect_names(std::string_view prefix, std::string_view after,
                            std::string_view expected) {
    std::string got = TRY(names(prefix, after));
    return expect(got == expected,
                  fmt::format("listing \"{}\" after \"{}\" gives \"{}\", not \"{}\"", prefix, after,
                              got, expected));
  }

 private:
  ObjectStore& store_;
  Random& random_;
  const std::string folder_;
};

Result<void> absent_is_an_answer(Trial& trial, const ConformanceOptions&) {
  TRY(trial.expect_absent("nothing"));
  TRY(trial.expect_absent("no/such/folder"));
  TRY(trial.expect_names("", "", ""));
  return expect(TRY(trial.store().list_folders(trial.folder())).empty(),
                "an empty folder has folders");
}

Result<void> put_then_get(Trial& trial, const ConformanceOptions&) {
  Bytes data = trial.random_bytes(100'000);
  TRY(trial.put_new("object", data));
  TRY(trial.expect_content("object", data));
  std::optional<ObjectInfo> info = TRY(trial.store().info(trial.key("object")));
  return expect(info && info->size == data.size() && info->key == trial.key("object"),
                "the size of an object is not told right");
}

Result<void> an_empty_object_is_there(Trial& trial, const ConformanceOptions&) {
  TRY(trial.put_new("empty", {}));
  TRY(trial.expect_content("empty", {}));
  std::unique_ptr<ObjectWriter> writer = TRY(trial.store().create(trial.key("streamed")));
  TRY(expect(TRY(writer->finish()) == PutOutcome::kCreated, "an empty stream is not created"));
  TRY(trial.expect_content("streamed", {}));
  std::unique_ptr<ObjectReader> reader = TRY(trial.store().open(trial.key("empty")));
  TRY(expect(reader->size() == 0, "an empty object has a size"));
  TRY(reader->read_at(0, {}));
  return trial.expect_names("", "", "empty streamed");
}

Result<void> a_range_is_exactly_what_was_asked_for(Trial& trial,
                                                   const ConformanceOptions& options) {
  Bytes data = trial.random_bytes(options.large_bytes);
  std::unique_ptr<ObjectWriter> writer = TRY(trial.store().create(trial.key("large")));
  for (size_t done = 0; done < data.size();) {
    size_t piece = std::min<size_t>(data.size() - done, 1 + trial.below(uint64_t{3} << 20));
    TRY(writer->append(ByteView(data).subspan(done, piece)));
    done += piece;
  }
  TRY(expect(TRY(writer->finish()) == PutOutcome::kCreated, "a large object is not created"));
  std::unique_ptr<ObjectReader> reader = TRY(trial.store().open(trial.key("large")));
  TRY(expect(reader->size() == data.size(), "a large object changed its size"));
  for (int round = 0; round < 20; ++round) {
    uint64_t offset = trial.below(data.size());
    Bytes range(1 + trial.below(std::min<uint64_t>(data.size() - offset, uint64_t{1} << 20)));
    TRY(reader->read_at(offset, range));
    TRY(expect(std::ranges::equal(range, ByteView(data).subspan(offset, range.size())),
               fmt::format("{} bytes at {} are other bytes", range.size(), offset)));
  }
  return trial.expect_content("large", data);
}

Result<void> a_range_past_the_end_is_an_error(Trial& trial, const ConformanceOptions&) {
  TRY(trial.put_new("short", trial.random_bytes(1'000)));
  std::unique_ptr<ObjectReader> reader = TRY(trial.store().open(trial.key("short")));
  Bytes range(10);
  TRY(reader->read_at(990, range));
  for (uint64_t offset : {uint64_t{991}, uint64_t{1'000}, uint64_t{1} << 40}) {
    Result<void> read = reader->read_at(offset, range);
    TRY(expect(!read.ok() && read.error().kind == ErrorKind::kCorrupt,
               fmt::format("10 bytes at {} of 1000 were read", offset)));
  }
  return success();
}

Result<void> many_threads_read_one_object(Trial& trial, const ConformanceOptions& options) {
  Bytes data = trial.random_bytes(400'000);
  TRY(trial.put_new("shared", data));
  std::unique_ptr<ObjectReader> reader = TRY(trial.store().open(trial.key("shared")));
  TaskGroup group;
  for (int i = 0; i < options.racers; ++i) {
    group.start([&, i](std::stop_token) -> Result<void> {
      for (size_t offset = static_cast<size_t>(i) * 1'000; offset + 5'000 < data.size();
           offset += 50'000) {
        Bytes range(5'000);
        TRY(reader->read_at(offset, range));
        TRY(expect(std::ranges::equal(range, ByteView(data).subspan(offset, range.size())),
                   "threads that read one object mix up its bytes"));
      }
      return success();
    });
  }
  return group.wait();
}

Result<void> no_put_replaces_an_object(Trial& trial, const ConformanceOptions&) {
  Bytes first = trial.random_bytes(5'000);
  Bytes second = trial.random_bytes(7'000);
  TRY(trial.put_new("object", first));
  for (const Bytes& data : {second, first}) {
    TRY(expect(TRY(trial.store().put(trial.key("object"), data)) == PutOutcome::kAlreadyExists,
               "a put does not see that the object exists"));
    TRY(trial.expect_content("object", first));
  }
  std::unique_ptr<ObjectWriter> writer = TRY(trial.store().create(trial.key("object")));
  TRY(writer->append(second));
  TRY(expect(TRY(writer->finish()) == PutOutcome::kAlreadyExists,
             "a stream does not see that the object exists"));
  return trial.expect_content("object", first);
}

Result<void> an_unfinished_object_is_invisible(Trial& trial, const ConformanceOptions& options) {
  {
    std::unique_ptr<ObjectWriter> writer = TRY(trial.store().create(trial.key("partial")));
    TRY(writer->append(trial.random_bytes(std::max<uint64_t>(options.large_bytes, 2) / 2)));
    TRY(trial.expect_absent("partial"));
    TRY(trial.expect_names("", "", ""));
  }
  TRY(trial.expect_absent("partial"));
  return trial.expect_names("", "", "");
}

Result<void> of_two_unfinished_objects_the_first_finished_stays(Trial& trial,
                                                                const ConformanceOptions&) {
  Bytes one = trial.random_bytes(5'000);
  std::unique_ptr<ObjectWriter> first = TRY(trial.store().create(trial.key("object")));
  std::unique_ptr<ObjectWriter> second = TRY(trial.store().create(trial.key("object")));
  TRY(second->append(trial.random_bytes(6'000)));
  TRY(first->append(one));
  TRY(expect(TRY(first->finish()) == PutOutcome::kCreated, "the first to finish is not created"));
  PutOutcome outcome = TRY(second->finish());
  if (!trial.store().conditional_put()) return success();
  TRY(expect(outcome == PutOutcome::kAlreadyExists, "the second to finish is created too"));
  return trial.expect_content("object", one);
}

Result<void> of_many_racers_one_creates(Trial& trial, const ConformanceOptions& options) {
  bool conditional = trial.store().conditional_put();
  for (int round = 0; round < 10; ++round) {
    ObjectKey key = trial.key(fmt::format("race-{}", round));
    std::atomic<int> winners = 0;
    std::mutex mutex;
    Bytes winner;
    std::vector<Bytes> all(static_cast<size_t>(options.racers));
    for (Bytes& data : all) data = trial.random_bytes(20'000);
    TaskGroup group;
    for (const Bytes& data : all) {
      group.start([&](std::stop_token) -> Result<void> {
        if (TRY(trial.store().put(key, data)) != PutOutcome::kCreated) return success();
        ++winners;
        std::lock_guard lock(mutex);
        winner = data;
        return success();
      });
    }
    TRY(group.wait());
    std::optional<Bytes> content = TRY(trial.store().get(key));
    TRY(expect(content && std::ranges::count(all, *content) == 1,
               "racing puts left other bytes than any wrote"));
    if (!conditional) continue;
    TRY(expect(winners == 1, fmt::format("{} racing puts were told that they created the object",
                                         winners.load())));
    TRY(expect(*content == winner, "the put that was told it created the object did not"));
  }
  return success();
}

Result<void> names_may_have_every_allowed_character(Trial& trial, const ConformanceOptions&) {
  std::string longest(255, 'L');
  std::string deepest = "d/e/f/g/h/i/j/k/l/m/n/o/p";
  const std::array<std::string, 12> names{
      "name",  "Name",   "NAME", "a..b",      "a--b_",
      "-dash", "_under", "0",    "trailing.", "00000001.history",
      longest, deepest};
  for (const std::string& name : names) TRY(trial.put_new(name, as_bytes(name)));
  for (const std::string& name : names) TRY(trial.expect_content(name, as_bytes(name)));
  std::set<std::string> sorted(names.begin(), names.end());
  std::string expected;
  for (const std::string& name : sorted) expected += (expected.empty() ? "" : " ") + name;
  return trial.expect_names("", "", expected);
}

Result<void> a_listing_is_in_byte_order(Trial& trial, const ConformanceOptions&) {
  // '-' and '.' sort before '/', '0' after it.
  for (std::string_view name :
       {"a/b", "a/b.c", "a-", "a.b", "a0", "B", "a/b-/x", "a/b0", "a.c/z", "c"}) {
    TRY(trial.put_new(name, as_bytes(name)));
  }
  TRY(trial.expect_names("", "", "B a- a.b a.c/z a/b a/b-/x a/b.c a/b0 a0 c"));
  TRY(trial.expect_names("a", "", "a- a.b a.c/z a/b a/b-/x a/b.c a/b0 a0"));
  TRY(trial.expect_names("a/", "", "a/b a/b-/x a/b.c a/b0"));
  TRY(trial.expect_names("a/b", "", "a/b a/b-/x a/b.c a/b0"));
  TRY(trial.expect_names("a.", "", "a.b a.c/z"));
  TRY(trial.expect_names("a/b/", "", ""));
  return trial.expect_names("d", "", "");
}

Result<void> a_listing_begins_after_a_name(Trial& trial, const ConformanceOptions&) {
  for (std::string_view name : {"a-", "a.b", "a/b", "a/c/d", "a/e", "a0"}) {
    TRY(trial.put_new(name, {}));
  }
  TRY(trial.expect_names("", "a.b", "a/b a/c/d a/e a0"));
  TRY(trial.expect_names("", "a/b", "a/c/d a/e a0"));
  TRY(trial.expect_names("", "a/bb", "a/c/d a/e a0"));
  TRY(trial.expect_names("", "a/c/d", "a/e a0"));
  TRY(trial.expect_names("a/", "a/c", "a/c/d a/e"));
  TRY(trial.expect_names("a/", "a/e", ""));
  TRY(trial.expect_names("", "a0", ""));
  return trial.expect_names("a/", "Z", "a/b a/c/d a/e");
}

Result<void> thousands_of_objects_are_listed(Trial& trial, const ConformanceOptions& options) {
  auto name_of = [](uint64_t i) { return fmt::format("{:02x}/{:08}", i % 7, i); };
  TaskGroup group;
  for (int racer = 0; racer < options.racers; ++racer) {
    group.start([&, racer](std::stop_token stop) -> Result<void> {
      for (auto i = static_cast<uint64_t>(racer);
           i < options.many_objects && !stop.stop_requested();
           i += static_cast<uint64_t>(options.racers)) {
        TRY(trial.put_new(name_of(i), as_bytes(std::string_view("0123456789").substr(0, i % 10))));
      }
      return success();
    });
  }
  TRY(group.wait());
  uint64_t seen = 0;
  bool ordered = true;
  bool sized = true;
  std::string last;
  TRY(trial.store().list(trial.folder(), "", [&](const ObjectInfo& info) {
    ordered = ordered && last < info.key.text();
    last = info.key.text();
    sized = sized && info.size == static_cast<uint64_t>(last.back() - '0');
    ++seen;
    return true;
  }));
  TRY(expect(seen == options.many_objects,
             fmt::format("{} objects were put, {} are listed", options.many_objects, seen)));
  TRY(expect(ordered, "a long listing is not in order"));
  TRY(expect(sized, "a listing tells wrong sizes"));
  uint64_t visited = 0;
  TRY(trial.store().list(trial.folder(), "", [&](const ObjectInfo&) { return ++visited < 5; }));
  return expect(visited == 5, "a listing goes on when it should end");
}

Result<void> folders_are_listed(Trial& trial, const ConformanceOptions&) {
  for (std::string_view name : {"b/1", "b/2", "a.b/c/d", "a/x/y/z", "file"})
    TRY(trial.put_new(name, {}));
  auto expect_folders = [&](std::string_view folder,
                            const std::vector<std::string>& expected) -> Result<void> {
    std::vector<std::string> got =
        TRY(trial.store().list_folders(trial.folder() + std::string(folder)));
    return expect(got == expected, fmt::format("the folders of \"{}\" are listed wrongly", folder));
  };
  TRY(expect_folders("", {"a", "a.b", "b"}));
  TRY(expect_folders("a/", {"x"}));
  TRY(expect_folders("b/", {}));
  TRY(expect_folders("no/", {}));
  // A folder is gone with its last object.
  TRY(trial.store().remove(trial.key("a/x/y/z")));
  return expect_folders("", {"a.b", "b"});
}

Result<void> a_removed_object_is_gone_and_its_name_free(Trial& trial, const ConformanceOptions&) {
  TRY(trial.put_new("a/object", as_bytes("first")));
  TRY(trial.put_new("a/other", as_bytes("stays")));
  TRY(trial.store().remove(trial.key("a/object")));
  TRY(trial.expect_absent("a/object"));
  TRY(trial.expect_names("", "", "a/other"));
  TRY(trial.store().remove(trial.key("a/object")));
  TRY(trial.store().remove(trial.key("never/there")));
  TRY(trial.put_new("a/object", as_bytes("second")));
  return trial.expect_content("a/object", as_bytes("second"));
}

Result<void> many_objects_are_removed_at_once(Trial& trial, const ConformanceOptions&) {
  std::vector<ObjectKey> keys;
  for (int i = 0; i < 20; ++i) {
    keys.push_back(trial.key(fmt::format("folder-{}/object", i)));
    TRY(trial.put_new(fmt::format("folder-{}/object", i), as_bytes("x")));
  }
  TRY(trial.put_new("stays", as_bytes("x")));
  keys.push_back(trial.key("never/there"));
  TRY(trial.store().remove_all(keys));
  TRY(trial.expect_names("", "", "stays"));
  TRY(trial.store().remove_all(keys));
  return trial.store().remove_all({});
}

template <Result<void> (*check)(Trial&, const ConformanceOptions&)>
Result<void> in_trial(ObjectStore& store, Random& random, const ConformanceOptions& options) {
  Trial trial(store, random, options);
  return check(trial, options);
}

#define CONFORMANCE_CHECK(name) \
  ConformanceCheck { #name, &in_trial < &name> }

constexpr std::array kChecks{
    CONFORMANCE_CHECK(absent_is_an_answer),
    CONFORMANCE_CHECK(put_then_get),
    CONFORMANCE_CHECK(an_empty_object_is_there),
    CONFORMANCE_CHECK(a_range_is_exactly_what_was_asked_for),
    CONFORMANCE_CHECK(a_range_past_the_end_is_an_error),
    CONFORMANCE_CHECK(many_threads_read_one_object),
    CONFORMANCE_CHECK(no_put_replaces_an_object),
    CONFORMANCE_CHECK(an_unfinished_object_is_invisible),
    CONFORMANCE_CHECK(of_two_unfinished_objects_the_first_finished_stays),
    CONFORMANCE_CHECK(of_many_racers_one_creates),
    CONFORMANCE_CHECK(names_may_have_every_allowed_character),
    CONFORMANCE_CHECK(a_listing_is_in_byte_order),
    CONFORMANCE_CHECK(a_listing_begins_after_a_name),
    CONFORMANCE_CHECK(thousands_of_objects_are_listed),
    CONFORMANCE_CHECK(folders_are_listed),
    CONFORMANCE_CHECK(a_removed_object_is_gone_and_its_name_free),
    CONFORMANCE_CHECK(many_objects_are_removed_at_once),
};

#undef CONFORMANCE_CHECK

Result<void> remove_all(ObjectStore& store, const std::string& folder) {
  std::vector<ObjectKey> keys;
  TRY(store.list(folder + "/", "", [&](const ObjectInfo& info) {
    keys.push_back(info.key);
    return true;
  }));
  return store.remove_all(keys);
}

}  // namespace

std::span<const ConformanceCheck> conformance_checks() { return kChecks; }

Result<void> run_check(const ConformanceCheck& check, ObjectStore& store, Random& random,
                       const ConformanceOptions& options) {
  ConformanceOptions own = options;
  own.folder += "/" + std::string(check.name);
  Result<void> result = check.run(store, random, own);
  Result<void> removed = remove_all(store, own.folder);
  return result.ok() ? removed : result;
}

std::vector<ConformanceOutcome> run_all_checks(ObjectStore& store, Random& random,
                                               const ConformanceOptions& options) {
  std::vector<ConformanceOutcome> outcomes;
  for (const ConformanceCheck& check : kChecks) {
    outcomes.push_back({check.name, run_check(check, store, random, options)});
  }
  return outcomes;
}

}  // namespace walkback::store
