#include "net/http.h"

#include <algorithm>

namespace walkback::net {

std::string_view method_name(Method method) {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kHead:
      return "HEAD";
    case Method::kPut:
      return "PUT";
    case Method::kPost:
      return "POST";
    case Method::kDelete:
      return "DELETE";
  }
  CHECK(false);
}

uint64_t body_size(const Request& request) {
  uint64_t size = 0;
  for (ByteView piece : request.body) size += piece.size();
  return size;
}

std::optional<std::string_view> Response::header(std::string_view name) const {
  auto found = std::ranges::find(headers, name, &Header::name);
  if (found == headers.end()) return std::nullopt;
  return std::string_view(found->value);
}

}  // namespace walkback::net
