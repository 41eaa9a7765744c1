// libFuzzer: postgresql.conf; every setting survives quoting
#include "base/bytes.h"
#include "base/check.h"
#include "pg/configuration.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  using namespace walkback;
  const ByteView bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto configuration = pg::Configuration::parse(as_text(bytes));
  for (const auto& line : configuration.lines()) {
    if (line.kind != pg::ConfigurationLineKind::kSetting) continue;
    pg::Configuration copy;
    copy.append(line.name, line.value);
    CHECK(pg::Configuration::parse(copy.text()).value(line.name) == line.value);
  }
  (void)pg::parse_memory_setting(as_text(bytes), 8192).ok();
  (void)pg::parse_boolean_setting(as_text(bytes)).ok();
  return 0;
}
