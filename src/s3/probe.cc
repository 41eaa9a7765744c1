#include "s3/probe.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace walkback::s3 {
namespace {

const net::Header kUnlessThere{"If-None-Match", "*"};
constexpr std::string_view kContent = "0123456789";

Trait yes(std::string detail = "") { return {Ability::kYes, std::move(detail)}; }
Trait no(std::string detail) { return {Ability::kNo, std::move(detail)}; }
Trait unknown(std::string detail) { return {Ability::kUnknown, std::move(detail)}; }

std::string seen(const ServiceError& error) {
  return fmt::format("{}{}status {}", error.code, error.code.empty() ? "" : ", ", error.status);
}

// A refusal of what was asked; or of us, which proves nothing about the server.
Trait refused(const ServiceError& error) {
  return error.status == 401 || error.status == 403 ? unknown(seen(error)) : no(seen(error));
}

std::string sha256_base64(std::string_view text) {
  std::array<unsigned char, 32> digest{};
  CHECK(EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr) == 1);
  std::array<unsigned char, 45> encoded{};
  int size = EVP_EncodeBlock(encoded.data(), digest.data(), digest.size());
  return std::string(encoded.begin(), encoded.begin() + size);
}

// One probe at work in its folder.
class Prober {
 public:
  explicit Prober(Client& client) : client_(client) {
    const std::string& prefix = client.options().prefix;
    folder_ = (prefix.empty() ? "" : prefix + "/") + ".walkback-probe/" +
              client.environment().random.hex(8) + "/";
  }

  Result<Probe> run() {
    TRY(put_conditionally());
    TRY(read_back());
    TRY(list());
    TRY(complete_over_an_object());
    TRY(upload_in_parts());
    TRY(send_checksums());
    TRY(ask_settings());
    TRY(remove());
    return probe_;
  }

 private:
  Call call(Action action, net::Method method, std::string_view name) const {
    return {.action = action,
            .doing = "probing " + s3_url(client_.options()),
            .method = method,
            .key = folder_ + std::string(name)};
  }
  Result<Reply> put(std::string_view name, std::vector<net::Header> headers = {},
                    std::string_view content = kContent) {
    Call put = call(Action::kPut, net::Method::kPut, name);
    put.headers = std::move(headers);
    put.body = {as_bytes(content)};
    written_.push_back(put.key);
    return client_.call(put);
  }
  Result<Reply> get(std::string_view name, std::vector<net::Header> headers) {
    Call get = call(Action::kGet, net::Method::kGet, name);
    get.headers = std::move(headers);
    return client_.call(get);
  }

  Result<void> put_conditionally();
  Result<void> read_back();
  Result<void> list();
  Result<std::string> names_after(std::string_view after);
  Result<void> complete_over_an_object();
  Result<void> upload_in_parts();
  Result<std::string> begin(std::string_view name);
  Result<Reply> put_part(std::string_view name, const std::string& id, int number, ByteView data);
  Result<Reply> complete(std::string_view name, const std::string& id,
                         const std::vector<std::string>& etags, std::vector<net::Header> headers);
  Result<void> abort(std::string_view name, const std::string& id);
  Result<void> send_checksums();
  Result<void> ask_settings();
  Result<Reply> ask_bucket(std::string_view what);
  Result<void> remove();

  Client& client_;
  std::string folder_;
  std::vector<std::string> written_;  // keys
  Probe probe_;
};

Result<void> Prober::put_conditionally() {
  std::vector<net::Header> headers{kUnlessThere, {"x-amz-meta-walkback-write", "probe"}};
  Reply first = TRY(put("object", headers));
  if (first.error && !is_not_implemented(*first.error)) {
    return client_.explain(*first.error, call(Action::kPut, net::Method::kPut, "object"));
  }
  if (first.error) {
    probe_.conditional_put = no(seen(*first.error));
    headers.erase(headers.begin());
    Reply plain = TRY(put("object", headers));
    if (!plain.error) return success();
    return client_.explain(*plain.error, call(Action::kPut, net::Method::kPut, "object"));
  }
  Reply second = TRY(put("object", headers));
  if (!second.error) {
    probe_.conditional_put = no("the object was replaced");
  } else if (is_precondition_failure(*second.error)) {
    probe_.conditional_put = yes();
  } else {
    probe_.conditional_put = refused(*second.error);
  }
  return success();
}

Result<void> Prober::read_back() {
  Reply head = TRY(client_.call(call(Action::kGet, net::Method::kHead, "object")));
  if (head.error) {
    probe_.keeps_metadata = refused(*head.error);
  } else {
    bool kept = head.response.header("x-amz-meta-walkback-write") == "probe";
    probe_.keeps_metadata = kept ? yes() : no("the header did not come back");
  }
  Reply range = TRY(get("object", {{"Range", "bytes=2-5"}}));
  if (range.error) {
    probe_.ranges = refused(*range.error);
  } else if (range.response.status == 206 && as_text(range.response.body) == "2345") {
    probe_.ranges = yes();
  } else {
    probe_.ranges = no(fmt::format("{} bytes came with status {}", range.response.body.size(),
                                   range.response.status));
  }
  return success();
}

// '-' and '.' sort before '/', '0' after it, upper case before lower.
Result<void> Prober::list() {
  for (std::string_view name : {"list/a0", "list/a/b", "list/B", "list/a-", "list/a.b"}) {
    Reply reply = TRY(put(name));
    if (!reply.error) continue;
    return client_.explain(*reply.error, call(Action::kPut, net::Method::kPut, name));
  }
  Result<std::string> all = names_after("");
  if (!all.ok()) {
    probe_.list_order = probe_.start_after = unknown(all.error().message);
    return success();
  }
  constexpr std::string_view kOrdered = "B a- a.b a/b a0 ";
  probe_.list_order = *all == kOrdered ? yes() : no("they come as " + *all);
  std::string later = TRY(names_after("a.b"));
  probe_.start_after = later == "a/b a0 " ? yes() : no("after a.b come " + later);
  return success();
}

Result<std::string> Prober::names_after(std::string_view after) {
  std::string folder = folder_ + "list/";
  Call list{.action = Action::kList,
            .doing = "probing " + s3_url(client_.options()),
            .query = {{"list-type", "2"}, {"encoding-type", "url"}, {"prefix", folder}}};
  if (!after.empty()) list.query.emplace_back("start-after", folder + std::string(after));
  net::Response response = TRY(client_.must(list));
  ObjectPage page = TRY(parse_object_page(response.body));
  std::string names;
  for (const ListedObject& object : page.objects) {
    if (object.key.starts_with(folder)) names += object.key.substr(folder.size()) + " ";
  }
  return names;
}

// --- parts ---

Result<std::string> Prober::begin(std::string_view name) {
  Call begin = call(Action::kPut, net::Method::kPost, name);
  begin.query = {{"uploads", ""}};
  written_.push_back(begin.key);
  net::Response response = TRY(client_.must(begin));
  return parse_upload_id(response.body);
}

Result<Reply> Prober::put_part(std::string_view name, const std::string& id, int number,
                               ByteView data) {
  Call part = call(Action::kPut, net::Method::kPut, name);
  part.query = {{"partNumber", std::to_string(number)}, {"uploadId", id}};
  part.body = {data};
  return client_.call(part);
}

Result<Reply> Prober::complete(std::string_view name, const std::string& id,
                               const std::vector<std::string>& etags,
                               std::vector<net::Header> headers) {
  std::string document = completion_document(etags);
  Call complete = call(Action::kPut, net::Method::kPost, name);
  complete.query = {{"uploadId", id}};
  complete.headers = std::move(headers);
  complete.body = {as_bytes(document)};
  complete.success_may_be_error = true;
  return client_.call(complete);
}

Result<void> Prober::abort(std::string_view name, const std::string& id) {
  Call abort = call(Action::kAbortUpload, net::Method::kDelete, name);
  abort.query = {{"uploadId", id}};
  TRY(client_.call(abort));
  return success();
}

Result<void> Prober::complete_over_an_object() {
  Result<std::string> id = begin("object");
  if (!id.ok()) {
    probe_.multipart = no(id.error().message);
    return success();
  }
  Reply part = TRY(put_part("object", *id, 1, as_bytes(kContent)));
  if (part.error) {
    probe_.multipart = no(seen(*part.error));
    return abort("object", *id);
  }
  probe_.multipart = yes();
  std::string etag(part.response.header("etag").value_or(""));
  Reply completed = TRY(complete("object", *id, {etag}, {kUnlessThere}));
  if (!completed.error) {
    probe_.conditional_completion = no("the object was replaced");
    return success();
  }
  probe_.conditional_completion =
      is_precondition_failure(*completed.error) ? yes() : refused(*completed.error);
  return abort("object", *id);
}

Result<void> Prober::upload_in_parts() {
  if (probe_.multipart.ability != Ability::kYes) return success();
  std::string id = TRY(begin("parts"));
  Reply last = TRY(put_part("parts", id, 10'000, as_bytes(kContent)));
  probe_.ten_thousand_parts = last.error ? refused(*last.error) : yes();
  TRY(abort("parts", id));
  id = TRY(begin("parts"));
  std::vector<std::string> etags;
  for (int number : {1, 2}) {
    Reply part = TRY(put_part("parts", id, number, as_bytes(kContent)));
    etags.emplace_back(part.response.header("etag").value_or(""));
  }
  Reply completed = TRY(complete("parts", id, etags, {}));
  probe_.small_parts = completed.error ? refused(*completed.error) : yes();
  return completed.error ? abort("parts", id) : success();
}

// --- what more it offers ---

Result<void> Prober::send_checksums() {
  constexpr const char* kName = "x-amz-checksum-sha256";
  Reply right = TRY(put("checksum", {{kName, sha256_base64(kContent)}}));
  if (right.error) {
    probe_.checks_checksums = refused(*right.error);
    return success();
  }
  Reply wrong = TRY(put("wrong-checksum", {{kName, sha256_base64("other")}}));
  probe_.checks_checksums = wrong.error ? yes() : no("a wrong one was accepted");
  return success();
}

Result<Reply> Prober::ask_bucket(std::string_view what) {
  return client_.call({.action = Action::kBucketSettings,
                       .doing = "probing " + s3_url(client_.options()),
                       .query = {{std::string(what), ""}}});
}

Result<void> Prober::ask_settings() {
  Reply versioning = TRY(ask_bucket("versioning"));
  if (versioning.error) {
    probe_.versioning = refused(*versioning.error);
  } else {
    Result<std::string> told = find_text(versioning.response.body, "Status");
    std::string status = told.ok() ? *told : "";
    probe_.versioning = status == "Enabled" ? yes() : no(status.empty() ? "never on" : status);
  }
  Reply lock = TRY(ask_bucket("object-lock"));
  if (lock.error) {
    probe_.object_lock = refused(*lock.error);
  } else {
    // A server that does not know the question may answer with a listing.
    Result<std::string> enabled = find_text(lock.response.body, "ObjectLockEnabled");
    Result<std::string> mode = find_text(lock.response.body, "Mode");
    probe_.object_lock =
        enabled.ok() && *enabled == "Enabled" ? yes(mode.ok() ? *mode : "") : no("not enabled");
  }
  return success();
}

Result<void> Prober::remove() {
  Reply one = TRY(client_.call(call(Action::kDelete, net::Method::kDelete, "object")));
  probe_.may_delete =
      one.error ? (one.error->status == 403 ? no(seen(*one.error)) : unknown(seen(*one.error)))
                : yes();
  std::string document = deletion_document(written_);
  Call batch{.action = Action::kDelete,
             .doing = "probing " + s3_url(client_.options()),
             .method = net::Method::kPost,
             .query = {{"delete", ""}},
             .headers = {{"Content-MD5", content_md5(document)}},
             .body = {as_bytes(document)},
             .success_may_be_error = true};
  Reply all = TRY(client_.call(batch));
  probe_.batch_delete = all.error ? refused(*all.error) : yes();
  if (!all.error || probe_.may_delete.ability != Ability::kYes) return success();
  for (const std::string& key : written_) {
    Call each = call(Action::kDelete, net::Method::kDelete, "");
    each.key = key;
    TRY(client_.call(each));
  }
  return success();
}

}  // namespace

std::vector<Probe::Row> Probe::rows() const {
  return {
      {"conditional_put", "an object is never replaced, also by two writers at once",
       &conditional_put},
      {"conditional_completion", "the same for large objects", &conditional_completion},
      {"keeps_metadata", "a write whose answer was lost is recognised", &keeps_metadata},
      {"ranges", "parts of objects can be read", &ranges},
      {"list_order", "names come in byte order", &list_order},
      {"start_after", "a listing begins where it is told to", &start_after},
      {"multipart", "large objects are uploaded in parts", &multipart},
      {"ten_thousand_parts", "of up to 10000", &ten_thousand_parts},
      {"small_parts", "also below 5 MiB", &small_parts},
      {"batch_delete", "many objects are removed with one request", &batch_delete},
      {"may_delete", "these credentials may remove objects", &may_delete},
      {"checks_checksums", "x-amz-checksum-sha256 is verified", &checks_checksums},
      {"versioning", "what is removed can be had back", &versioning},
      {"object_lock", "objects cannot be removed before their time", &object_lock},
  };
}

Result<Probe> probe(S3Store& store) { return Prober(store.client()).run(); }

}  // namespace walkback::s3
