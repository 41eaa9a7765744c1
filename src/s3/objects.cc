#include "s3/objects.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/whole_number.h"
#include "net/retry.h"
#include "net/url.h"

namespace walkback::s3 {
namespace {

using store::ObjectKey;
using store::PutOutcome;

const net::Header kUnlessThere{"If-None-Match", "*"};

// Which is none of the store's: no component of an ObjectKey begins with '.'.
constexpr std::string_view kDetectionKey = ".walkback-conditional-put";
constexpr std::string_view kDetectionText =
    "walkback puts this object again and again, asking the server not to replace it.\n"
    "So it learns, with one request, whether the server refuses. It may be removed.\n";

// Somebody pressed Ctrl-C and waits for us to end.
constexpr std::chrono::seconds kTidyUpTime{5};

std::string header_or_empty(const net::Response& response, std::string_view name) {
  return std::string(response.header(name).value_or(""));
}

// "k=v&k2=v2", as x-amz-tagging wants it.
std::string tagging(const S3Options& options) {
  std::string text;
  for (const auto& [name, value] : options.tags) {
    if (!text.empty()) text += '&';
    text += net::percent_encode(name, net::Slash::kEncode) + '=' +
            net::percent_encode(value, net::Slash::kEncode);
  }
  return text;
}

std::string storage_class_of(const S3Options& options, std::string_view key) {
  bool is_pack = key.find("/packs/") != std::string_view::npos || key.starts_with("packs/");
  std::string name = is_pack ? options.pack_storage_class.value_or("") : options.storage_class;
  return name == "STANDARD" ? "" : name;
}

}  // namespace

std::string Objects::full_key(const ObjectKey& key) const {
  const std::string& prefix = client_.options().prefix;
  return prefix.empty() ? key.text() : prefix + "/" + key.text();
}

std::string Objects::doing(std::string_view what, std::string_view key) const {
  return fmt::format("{} {} in {}", what, key, s3_url(client_.options()));
}

std::vector<net::Header> Objects::object_headers(std::string_view key,
                                                 const std::string& write) const {
  const S3Options& options = client_.options();
  std::vector<net::Header> headers{{"Content-Type", "application/octet-stream"},
                                   {std::string(kWriteHeader), write}};
  std::string storage_class = storage_class_of(options, key);
  if (!storage_class.empty()) headers.push_back({"x-amz-storage-class", storage_class});
  if (!options.encryption.empty()) {
    headers.push_back({"x-amz-server-side-encryption", options.encryption});
  }
  if (!options.kms_key_id.empty()) {
    headers.push_back({"x-amz-server-side-encryption-aws-kms-key-id", options.kms_key_id});
  }
  if (!options.tags.empty()) headers.push_back({"x-amz-tagging", tagging(options)});
  return headers;
}

Call Objects::put_call(const ObjectKey& key, const std::string& write) const {
  return {.action = Action::kPut,
          .doing = doing("storing", key.text()),
          .method = net::Method::kPut,
          .key = full_key(key),
          .headers = object_headers(key.text(), write)};
}

Result<std::optional<ObjectHead>> Objects::head(const ObjectKey& key) {
  Call call{.action = Action::kGet,
            .doing = doing("looking for", key.text()),
            .method = net::Method::kHead,
            .key = full_key(key)};
  Reply reply = TRY(client_.call(call));
  if (reply.error && is_absent(*reply.error)) return {std::nullopt};
  if (reply.error) return client_.explain(*reply.error, call);
  std::optional<uint64_t> size =
      whole_number<uint64_t>(header_or_empty(reply.response, "content-length"));
  if (!size) {
    return make_error(ErrorKind::kCorrupt, call.doing + ": the answer does not tell its size");
  }
  return {ObjectHead{*size, header_or_empty(reply.response, "etag"),
                     header_or_empty(reply.response, kWriteHeader)}};
}

Result<PutOutcome> Objects::put(const ObjectKey& key, ByteView data) {
  bool conditional = TRY(conditional_writes());
  if (!conditional && TRY(head(key))) return PutOutcome::kAlreadyExists;
  std::string write = new_write();
  Call call = put_call(key, write);
  call.deadline = client_.deadline();
  call.body = {data};
  if (conditional) call.headers.push_back(kUnlessThere);
  for (;;) {
    Reply reply = TRY(client_.call(call));
    if (!reply.error) return PutOutcome::kCreated;
    if (!is_precondition_failure(*reply.error)) return client_.explain(*reply.error, call);
    std::optional<PutOutcome> outcome =
        TRY(settle(key, write, reply.attempts > 1 ? &data : nullptr));
    if (outcome) return *outcome;
    // Removed between the two answers: the name is free again.
  }
}

// The server says that the object exists. Ours, of an attempt whose answer was lost (also libcurl
// itself sends again, on a connection that died), or another's? Nothing: it does not exist any
// more.
Result<std::optional<PutOutcome>> Objects::settle(const ObjectKey& key, const std::string& write,
                                                  const ByteView* data) {
  std::optional<ObjectHead> found = TRY(head(key));
  if (!found) return {std::nullopt};
  if (found->write == write) return {PutOutcome::kCreated};
  // A server that keeps no metadata: what we may have sent is what counts.
  bool could_be_ours = found->write.empty() && data && found->size == data->size();
  if (could_be_ours && TRY(holds(key, *data))) return {PutOutcome::kCreated};
  return {PutOutcome::kAlreadyExists};
}

Result<bool> Objects::holds(const ObjectKey& key, ByteView data) {
  net::Response response = TRY(client_.must({.action = Action::kGet,
                                             .doing = doing("reading", key.text()),
                                             .key = full_key(key),
                                             .response_limit = data.size()}));
  return std::ranges::equal(response.body, data);
}

// --- large objects ---

Result<std::string> Objects::begin_upload(const ObjectKey& key, const std::string& write) {
  Call call = put_call(key, write);
  call.method = net::Method::kPost;
  call.query = {{"uploads", ""}};
  net::Response response = TRY(client_.must(call));
  return TRY_CONTEXT(parse_upload_id(response.body), call.doing);
}

Result<std::string> Objects::put_part(const ObjectKey& key, const std::string& upload_id,
                                      int number, ByteView data, const std::stop_token& stop) {
  Call call{.action = Action::kPut,
            .doing = doing(fmt::format("storing part {} of", number), key.text()),
            .method = net::Method::kPut,
            .key = full_key(key),
            .query = {{"partNumber", std::to_string(number)}, {"uploadId", upload_id}},
            .body = {data},
            .stop = stop};
  net::Response response = TRY(client_.must(call));
  std::string etag = header_or_empty(response, "etag");
  if (!etag.empty()) return etag;
  return make_error(ErrorKind::kCorrupt, call.doing + ": the answer has no ETag");
}

Result<Reply> Objects::try_completion(const ObjectKey& key, const CompletedParts& parts,
                                      bool conditional) {
  std::string document = completion_document(parts.etags);
  Call call{.action = Action::kPut,
            .doing = doing("storing", key.text()),
            .method = net::Method::kPost,
            .key = full_key(key),
            .query = {{"uploadId", parts.upload_id}},
            .headers = {{"Content-Type", "application/xml"}},
            .body = {as_bytes(document)},
            .success_may_be_error = true,
            .retry_conflicts = false};
  if (conditional) call.headers.push_back(kUnlessThere);
  return client_.call(call);
}

Result<PutOutcome> Objects::completed(const ObjectKey& key, const Reply& reply,
                                      size_t parts) const {
  std::string etag =
      TRY_CONTEXT(parse_completed_etag(reply.response.body), doing("storing", key.text()));
  // "<32 hexadecimal digits>-<parts>" wherever the ETag has that form.
  std::erase(etag, '"');
  size_t dash = etag.find('-');
  if (dash == 32 && whole_number<uint64_t>(etag.substr(dash + 1)) != parts) {
    return make_error(ErrorKind::kCorrupt,
                      fmt::format("{}: the server made it of {} parts; {} were sent",
                                  doing("storing", key.text()), etag.substr(dash + 1), parts));
  }
  return PutOutcome::kCreated;
}

Result<PutOutcome> Objects::complete_upload(const ObjectKey& key, const std::string& write,
                                            const CompletedParts& parts) {
  bool known = is_aws(client_.options());  // its completion is conditional
  bool conditional = TRY(conditional_writes()) && !completes_unconditionally_;
  if (!known && TRY(head(key))) {
    TRY(abort_upload(full_key(key), parts.upload_id));
    return PutOutcome::kAlreadyExists;
  }
  Reply reply = TRY(try_completion(key, parts, conditional));
  if (reply.error && conditional && is_not_implemented(*reply.error)) {
    completes_unconditionally_ = true;
    reply = TRY(try_completion(key, parts, false));
  }
  if (!reply.error) return completed(key, reply, parts.etags.size());
  const ServiceError& error = *reply.error;
  bool may_be_decided =
      is_precondition_failure(error) || is_write_conflict(error) ||
      error.code == "NoSuchUpload";  // as after a completion whose answer was lost
  std::optional<PutOutcome> outcome;
  if (may_be_decided) outcome = TRY(settle(key, write, nullptr));
  if (!outcome) {
    return client_.explain(error, {.action = Action::kPut, .doing = doing("storing", key.text())});
  }
  if (outcome == PutOutcome::kAlreadyExists) {
    TRY(abort_upload(full_key(key), parts.upload_id));
  }
  return *outcome;
}

Result<void> Objects::abort_upload(const std::string& full_key, const std::string& upload_id) {
  Call call{.action = Action::kAbortUpload,
            .doing = doing("ending the upload of", full_key),
            .method = net::Method::kDelete,
            .key = full_key,
            .query = {{"uploadId", upload_id}},
            .even_when_stopped = true};
  if (client_.environment().stop.stop_requested()) {
    call.deadline = client_.environment().clock.monotonic() + kTidyUpTime;
  }
  Reply reply = TRY(client_.call(call));
  if (!reply.error || reply.error->status == 404) return success();
  return client_.explain(*reply.error, call);
}

// --- does the server refuse to replace objects? ---

Result<bool> Objects::conditional_writes() {
  ConditionalWrites told = client_.options().conditional_writes;
  if (told != ConditionalWrites::kDetect) return told == ConditionalWrites::kYes;
  std::lock_guard lock(mutex_);
  if (!detected_) detected_ = TRY(detect_conditional_writes());
  return *detected_;
}

// The object stays, so that from the second time on one request is enough.
Result<bool> Objects::detect_conditional_writes() {
  const std::string& prefix = client_.options().prefix;
  std::string key = (prefix.empty() ? "" : prefix + "/") + std::string(kDetectionKey);
  Call call{.action = Action::kPut,
            .doing = doing("asking for conditional writes with", kDetectionKey),
            .method = net::Method::kPut,
            .key = key,
            .headers = {kUnlessThere},
            .body = {as_bytes(kDetectionText)}};
  for (int round = 0; round < 2; ++round) {
    Reply reply = TRY(client_.call(call));
    if (!reply.error) continue;  // created; or replaced, by a server that ignores the condition
    if (is_precondition_failure(*reply.error)) return true;
    if (is_not_implemented(*reply.error)) return false;
    return client_.explain(*reply.error, call);
  }
  return false;
}

}  // namespace walkback::s3
