#include "cli/fetched_text.h"

namespace walkback::cli {

std::string fetched_text(const scratch::Fetched& fetched) {
  if (fetched.of_bytes == 0) return "";
  std::string text = fetched.text();
  text.front() = 'F';
  return text + "\n";
}

Json fetched_json(const scratch::Fetched& fetched) {
  return {
      {"on_demand", fetched.on_demand}, {"bytes", fetched.bytes}, {"of_bytes", fetched.of_bytes}};
}

}  // namespace walkback::cli
