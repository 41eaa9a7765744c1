#include "store/growing_listing.h"

#include <algorithm>
#include <vector>

namespace walkback::store {

namespace {

// A server's page; what was listed anew may grow so far before the oldest of it settles.
constexpr size_t kMostListedAnew = 950;
static_assert(kListedAnew < kMostListedAnew);

void pack_number(std::string& packed, uint64_t number) {
  for (; number >= 0x80; number >>= 7) packed += static_cast<char>(0x80 | (number & 0x7f));
  packed += static_cast<char>(number);
}

uint64_t unpack_number(std::string_view& packed) {
  uint64_t number = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(packed.front());
    packed.remove_prefix(1);
    number |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return number;
  }
}

void pack(std::string& packed, std::string& last, const ObjectInfo& object) {
  const std::string& name = object.key.text();
  const auto differ = std::ranges::mismatch(last, name);
  const auto shared = static_cast<size_t>(differ.in1 - last.begin());
  pack_number(packed, shared);
  pack_number(packed, name.size() - shared);
  packed.append(name, shared);
  pack_number(packed, object.size);
  last = name;
}

// False when the visitor has seen enough.
bool visit_packed(std::string_view packed, const ObjectStore::Visitor& visit) {
  std::string name;
  while (!packed.empty()) {
    name.resize(unpack_number(packed));
    const uint64_t rest = unpack_number(packed);
    name.append(packed.substr(0, rest));
    packed.remove_prefix(rest);
    if (!visit({ObjectKey(name), unpack_number(packed)})) return false;
  }
  return true;
}

}  // namespace

Result<void> GrowingListing::list(ObjectStore& beneath, std::string_view prefix, Clock& clock,
                                  const ObjectStore::Visitor& visit) {
  std::shared_ptr<const Settled> before;
  {
    const std::lock_guard lock(mutex_);
    before = settled_;
  }
  const std::chrono::nanoseconds now = clock.monotonic();
  if (before && now - before->listed >= kListedWhole) before.reset();
  if (before && !visit_packed(before->packed, visit)) return success();

  std::vector<ObjectInfo> anew;
  bool whole = true;
  Settled next = before ? Settled() : Settled{{}, {}, now};
  const size_t most = before ? kMostListedAnew : kListedAnew;
  // A first listing may be long: it settles as it goes.
  const auto settle = [&] {
    if (before && next.last.empty()) next = *before;
    const size_t settles = anew.size() - kListedAnew;
    for (size_t i = 0; i < settles; ++i) pack(next.packed, next.last, anew[i]);
    anew.erase(anew.begin(), anew.begin() + static_cast<ptrdiff_t>(settles));
  };
  TRY(beneath.list(prefix, before ? before->last : std::string(), [&](const ObjectInfo& object) {
    whole = visit(object);
    anew.push_back(object);
    if (anew.size() > 2 * kMostListedAnew) settle();
    return whole;
  }));
  // What was not listed to its end has no end that is known.
  if (!whole) return success();
  if (anew.size() > most) settle();
  if (before && next.last.empty()) return success();
  const std::lock_guard lock(mutex_);
  settled_ = std::make_shared<const Settled>(std::move(next));
  return success();
}

}  // namespace walkback::store
