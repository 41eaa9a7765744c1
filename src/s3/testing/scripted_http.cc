#include "s3/testing/scripted_http.h"

#include <algorithm>

namespace walkback::s3::testing {

std::string SentRequest::header(std::string_view name) const {
  auto found = std::ranges::find(headers, name, &net::Header::name);
  return found == headers.end() ? "" : found->value;
}

ScriptedHttp& ScriptedHttp::then(Answer answer) {
  std::lock_guard lock(mutex_);
  answers_.push_back(std::move(answer));
  return *this;
}

ScriptedHttp& ScriptedHttp::then(int status, std::string_view body,
                                 std::vector<net::Header> headers) {
  return then(net::Response{
      .status = status, .headers = std::move(headers), .body = to_bytes(as_bytes(body))});
}

ScriptedHttp& ScriptedHttp::then_refuse(int status, std::string_view code) {
  return then(status, "<Error><Code>" + std::string(code) + "</Code></Error>");
}

ScriptedHttp& ScriptedHttp::then_break() {
  return then(make_error(ErrorKind::kTransient, "the connection broke"));
}

Result<net::Response> ScriptedHttp::perform(const net::Request& request) {
  std::string body;
  for (ByteView piece : request.body) body += as_text(piece);
  std::lock_guard lock(mutex_);
  sent_.push_back({std::string(net::method_name(request.method)) + " " + request.url,
                   request.headers, std::move(body), request.direct});
  if (answers_.empty()) return make_error(ErrorKind::kIo, "the script has ended");
  Answer answer = std::move(answers_.front());
  answers_.pop_front();
  return answer;
}

std::vector<SentRequest> ScriptedHttp::sent() const {
  std::lock_guard lock(mutex_);
  return sent_;
}

std::vector<std::string> ScriptedHttp::lines() const {
  std::vector<std::string> lines;
  for (const SentRequest& request : sent()) lines.push_back(request.line);
  return lines;
}

size_t ScriptedHttp::left() const {
  std::lock_guard lock(mutex_);
  return answers_.size();
}

}  // namespace walkback::s3::testing
