// libFuzzer: timeline history; what is read is written back the same
#include "base/bytes.h"
#include "base/check.h"
#include "pg/timeline_history.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  using namespace walkback;
  const ByteView bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto history = pg::TimelineHistory::parse({0xFFFFFFFF}, as_text(bytes));
  if (!history.ok()) return 0;
  const auto again = pg::TimelineHistory::parse({0xFFFFFFFF}, history->text());
  CHECK(again.ok() && again->switches().size() == history->switches().size());
  (void)history->timeline_of({size});
  return 0;
}
