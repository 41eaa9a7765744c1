// libFuzzer: bodies of commits, aborts and prepares, and all other events; the first byte chooses
// version and kind
#include "base/bytes.h"
#include "wal/timed_event.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  using namespace walkback;
  const ByteView bytes(reinterpret_cast<const std::byte*>(data), size);
  if (size < 3) return 0;
  wal::Record record;
  const int major = 13 + data[0] % 6;
  record.rmgr = data[1] % 9;
  record.info = data[2];
  const ByteView body = bytes.subspan(3);
  (void)wal::parse_transaction_end(body, record.info, 700, major).ok();
  (void)wal::parse_transaction_prepare(body, major).ok();
  Bytes whole(wal::kRecordHeaderBytes);
  whole.insert(whole.end(), body.begin(), body.end());
  record.bytes = whole;
  const auto event = wal::TimedEvents(major).of(record);
  if (event.ok() && *event) (void)(*event)->time();
  return 0;
}
