#include "net/transfer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <new>

#include "net/retry.h"
#include "net/url.h"

namespace walkback::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr uint64_t kStallBytes = 1'024;  // fewer in Timeouts::stall is no progress
constexpr size_t kMaxHeaderBytes = 64u << 10;
constexpr long kBufferBytes = 256 << 10;
constexpr milliseconds kLongestWait{1'000};
// Curl paused itself for the throttle; waits in short steps, for deadline and interrupts.
constexpr milliseconds kThrottleStep{20};

class Transfer {
 public:
  Transfer(Lane& lane, const Request& request, const TransferContext& context)
      : lane_(lane),
        curl_(lane.curl),
        request_(request),
        context_(context),
        timeouts_(request.timeouts.value_or(context.options.timeouts)),
        body_size_(body_size(request)) {}
  ~Transfer() {
    curl_.curl_slist_free_all(headers_);
    // Options point into this object; connections stay with the handle.
    curl_.curl_easy_reset(lane_.easy);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  Result<Response> run();

 private:
  // --- setting up ---
  template <typename Value>
  void set(CURLoption option, Value value) {
    CHECK(curl_.curl_easy_setopt(lane_.easy, option, value) == CURLE_OK);
  }
  Result<void> set_up();
  void set_up_security();
  void set_up_method();
  void set_up_callbacks();
  Result<void> set_up_headers();
  void add_header(const std::string& line);

  // --- libcurl calls back ---
  static size_t on_read(char* out, size_t size, size_t count, void* self);
  static int on_seek(void* self, curl_off_t offset, int origin);
  static size_t on_header(char* data, size_t size, size_t count, void* self);
  static size_t on_body(char* data, size_t size, size_t count, void* self);
  size_t read_body(std::span<char> out);
  bool take_header(std::string_view line);
  bool take_body(std::string_view piece);
  void reserve_body();

  // --- the loop ---
  Result<void> wait_for_turn();
  Result<void> drive();
  Result<void> check_limits();
  Result<void> check_stop_and_deadline() const;
  Result<void> check_silence(nanoseconds now);
  Result<void> wait();
  Result<void> unpause();
  nanoseconds now() const { return context_.clock.monotonic(); }
  bool sent_all() const { return sent_ == body_size_; }
  bool connected() const;

  // --- the end ---
  Result<void> outcome();
  Error failure(CURLcode code) const;
  Error failed(ErrorKind kind, std::string_view what, std::string_view hint = {}) const;
  void count_traffic() const;

  Lane& lane_;
  const Libcurl& curl_;
  const Request& request_;
  const TransferContext& context_;
  const Timeouts timeouts_;
  const uint64_t body_size_;
  Url url_;

  curl_slist* headers_ = nullptr;
  std::array<char, CURL_ERROR_SIZE> error_text_{};
  Response response_;
  size_t header_bytes_ = 0;
  bool too_large_ = false;
  bool running_ = false;

  uint64_t sent_ = 0;  // bytes of the body that libcurl took
  size_t piece_ = 0;   // of the body: where reading stands
  size_t piece_offset_ = 0;
  bool answered_ = false;  // a header of the final answer came
  bool upload_paused_ = false;
  bool download_paused_ = false;

  nanoseconds quiet_since_{0};  // when the current stage, or stretch of progress, began
  uint64_t moved_ = 0;          // bytes since then
  bool waiting_for_answer_ = false;
};

Error Transfer::failed(ErrorKind kind, std::string_view what, std::string_view hint) const {
  return make_error(kind,
                    fmt::format("{} {}://{}{}: {}", method_name(request_.method), url_.scheme,
                                url_.authority, url_.path, what),
                    std::string(hint));
}

// --- setting up ---

Result<void> Transfer::set_up() {
  url_ = TRY(parse_url(request_.url));
  set(CURLOPT_URL, request_.url.c_str());
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(timeouts_.connect.count()));
  set(CURLOPT_BUFFERSIZE, kBufferBytes);
  set(CURLOPT_UPLOAD_BUFFERSIZE, kBufferBytes);
  // A name server that does not answer must not hold us past the deadline.
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_ERRORBUFFER, error_text_.data());
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (request_.direct) set(CURLOPT_PROXY, "");
  set_up_security();
  set_up_method();
  set_up_callbacks();
  return set_up_headers();
}

void Transfer::set_up_security() {
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!context_.options.ca_file.empty()) {
    set(CURLOPT_CAINFO, context_.options.ca_file.c_str());
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
}

void Transfer::set_up_method() {
  bool has_body = request_.method == Method::kPut || request_.method == Method::kPost;
  CHECK(has_body || body_size_ == 0);
  if (request_.method == Method::kHead) set(CURLOPT_NOBODY, 1L);
  if (has_body) {
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(body_size_));
  }
  if (request_.method == Method::kPost || request_.method == Method::kDelete) {
    set(CURLOPT_CUSTOMREQUEST, std::string(method_name(request_.method)).c_str());
  }
}

void Transfer::set_up_callbacks() {
  set(CURLOPT_READFUNCTION, &Transfer::on_read);
  set(CURLOPT_READDATA, this);
  set(CURLOPT_SEEKFUNCTION, &Transfer::on_seek);
  set(CURLOPT_SEEKDATA, this);
  set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(CURLOPT_WRITEDATA, this);
}

void Transfer::add_header(const std::string& line) {
  curl_slist* longer = curl_.curl_slist_append(headers_, line.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  headers_ = longer;
}

Result<void> Transfer::set_up_headers() {
  for (const Header& header : request_.headers) {
    if (header.value.find_first_of("\r\n") != std::string::npos) {
      return failed(ErrorKind::kInvalid, "header " + header.name + " has a line break");
    }
    // libcurl sends a header without value only when it is written with ';'.
    add_header(header.value.empty() ? header.name + ";" : header.name + ": " + header.value);
  }
  // Headers that libcurl would add by itself: none that we did not mean.
  for (const char* unwanted : {"Expect:", "Accept:"}) add_header(unwanted);
  set(CURLOPT_HTTPHEADER, headers_);
  return success();
}

// --- libcurl calls back ---

size_t Transfer::on_read(char* out, size_t size, size_t count, void* self) {
  return static_cast<Transfer*>(self)->read_body({out, size * count});
}

size_t Transfer::read_body(std::span<char> out) {
  if (context_.throttle.upload_delay() > nanoseconds(0)) {
    upload_paused_ = true;
    return CURL_READFUNC_PAUSE;
  }
  size_t copied = 0;
  while (copied < out.size() && piece_ < request_.body.size()) {
    ByteView left = request_.body[piece_].subspan(piece_offset_);
    size_t size = std::min(left.size(), out.size() - copied);
    std::copy_n(as_text(left).data(), size, out.data() + copied);
    copied += size;
    piece_offset_ += size;
    if (piece_offset_ == request_.body[piece_].size()) {
      ++piece_;
      piece_offset_ = 0;
    }
  }
  sent_ += copied;
  moved_ += copied;
  context_.throttle.take_upload(copied);
  context_.counters.count_sent(copied);
  return copied;
}

// libcurl sends a request again, by itself, when a connection that it had kept turns out to be
// dead.
int Transfer::on_seek(void* self, curl_off_t offset, int origin) {
  auto* transfer = static_cast<Transfer*>(self);
  if (origin != SEEK_SET || offset != 0) return CURL_SEEKFUNC_CANTSEEK;
  transfer->sent_ = 0;
  transfer->piece_ = 0;
  transfer->piece_offset_ = 0;
  return CURL_SEEKFUNC_OK;
}

size_t Transfer::on_header(char* data, size_t size, size_t count, void* self) {
  return static_cast<Transfer*>(self)->take_header({data, size * count}) ? size * count : 0;
}

bool Transfer::take_header(std::string_view line) {
  header_bytes_ += line.size();
  moved_ += line.size();
  if (header_bytes_ > kMaxHeaderBytes) {
    too_large_ = true;
    return false;
  }
  if (line.starts_with("HTTP/")) {
    // "100 Continue", or a proxy's answer, came before: what counts is the last.
    response_.headers.clear();
    answered_ = !line.starts_with("HTTP/1.1 1");
    return true;
  }
  size_t colon = line.find(':');
  if (colon == std::string_view::npos) return true;
  Header header{std::string(line.substr(0, colon)), std::string(line.substr(colon + 1))};
  for (char& c : header.name) {
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  constexpr std::string_view kBlanks = " \t\r\n";
  header.value.erase(0, header.value.find_first_not_of(kBlanks));
  header.value.erase(header.value.find_last_not_of(kBlanks) + 1);
  response_.headers.push_back(std::move(header));
  return true;
}

size_t Transfer::on_body(char* data, size_t size, size_t count, void* self) {
  auto* transfer = static_cast<Transfer*>(self);
  if (transfer->context_.throttle.download_delay() > nanoseconds(0)) {
    transfer->download_paused_ = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  return transfer->take_body({data, size * count}) ? size * count : 0;
}

bool Transfer::take_body(std::string_view piece) {
  if (piece.size() > request_.response_limit - response_.body.size()) {
    too_large_ = true;
    return false;
  }
  if (response_.body.empty()) reserve_body();
  ByteView bytes = as_bytes(piece);
  response_.body.insert(response_.body.end(), bytes.begin(), bytes.end());
  moved_ += bytes.size();
  context_.throttle.take_download(bytes.size());
  context_.counters.count_received(bytes.size());
  return true;
}

// Growing step by step would copy a large body several times. The claimed length is not trusted:
// more than the caller allows is refused anyway, and memory that nothing is written to costs
// nothing.
void Transfer::reserve_body() {
  curl_off_t claimed = 0;
  curl_.curl_easy_getinfo(lane_.easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &claimed);
  if (claimed > 0) {
    response_.body.reserve(
        std::min<uint64_t>(static_cast<uint64_t>(claimed), request_.response_limit));
  }
}

// --- the loop ---

Result<Response> Transfer::run() {
  TRY(set_up());
  TRY(wait_for_turn());
  context_.throttle.take_request();
  context_.counters.count_request(request_.method);
  quiet_since_ = now();
  CHECK(curl_.curl_multi_add_handle(lane_.multi, lane_.easy) == CURLM_OK);
  Result<void> driven = success();
  {
    std::stop_callback wake(request_.stop, [this] { curl_.curl_multi_wakeup(lane_.multi); });
    driven = drive();
  }
  if (driven.ok()) driven = outcome();
  count_traffic();
  // A transfer that is taken away half-way takes its connection with it.
  curl_.curl_multi_remove_handle(lane_.multi, lane_.easy);
  TRY(std::move(driven));
  return std::move(response_);
}

Result<void> Transfer::wait_for_turn() {
  for (;;) {
    TRY(check_stop_and_deadline());
    nanoseconds delay = context_.throttle.request_delay();
    if (delay <= nanoseconds(0)) return success();
    context_.clock.sleep(std::min<nanoseconds>(delay, kThrottleStep));
  }
}

Result<void> Transfer::drive() {
  for (;;) {
    int running = 0;
    CURLMcode code = curl_.curl_multi_perform(lane_.multi, &running);
    if (code != CURLM_OK) return failed(ErrorKind::kIo, "libcurl failed");
    running_ = running > 0;
    if (!running_) return success();
    TRY(check_limits());
    TRY(upload_paused_ || download_paused_ ? unpause() : wait());
  }
}

Result<void> Transfer::check_stop_and_deadline() const {
  if (request_.stop.stop_requested()) return make_error(ErrorKind::kCancelled, "interrupted");
  if (request_.deadline && now() >= *request_.deadline) {
    return failed(ErrorKind::kTransient, "not done in the time that the operation has");
  }
  return success();
}

bool Transfer::connected() const {
  curl_off_t pretransfer_us = 0;
  curl_.curl_easy_getinfo(lane_.easy, CURLINFO_PRETRANSFER_TIME_T, &pretransfer_us);
  return pretransfer_us > 0;
}

Result<void> Transfer::check_limits() {
  TRY(check_stop_and_deadline());
  return check_silence(now());
}

// Which stage are we in, and how long has it been silent?
Result<void> Transfer::check_silence(nanoseconds at) {
  if (!connected()) {
    quiet_since_ = at;  // libcurl itself watches the time to connect
    return success();
  }
  bool waiting = sent_all() && !answered_;
  if (waiting != waiting_for_answer_ || moved_ >= kStallBytes) {
    waiting_for_answer_ = waiting;
    quiet_since_ = at;
    moved_ = 0;
  }
  nanoseconds silent = at - quiet_since_;
  if (waiting && silent >= timeouts_.first_byte) {
    return failed(ErrorKind::kTransient,
                  fmt::format("no answer in {} s", timeouts_.first_byte.count() / 1e3));
  }
  if (!waiting && silent >= timeouts_.stall) {
    return failed(ErrorKind::kTransient,
                  fmt::format("the {} stalled for {} s", answered_ ? "answer" : "upload",
                              timeouts_.stall.count() / 1e3));
  }
  return success();
}

Result<void> Transfer::wait() {
  nanoseconds longest = kLongestWait;
  if (request_.deadline) longest = std::min(longest, *request_.deadline - now());
  if (connected()) {
    nanoseconds limit = waiting_for_answer_ ? timeouts_.first_byte : timeouts_.stall;
    longest = std::min(longest, quiet_since_ + limit - now());
  }
  auto timeout_ms = std::chrono::ceil<milliseconds>(std::max(longest, nanoseconds(0))).count();
  if (curl_.curl_multi_poll(lane_.multi, nullptr, 0, static_cast<int>(timeout_ms), nullptr) !=
      CURLM_OK) {
    return failed(ErrorKind::kIo, "waiting for the network failed");
  }
  return success();
}

Result<void> Transfer::unpause() {
  nanoseconds delay(0);
  if (upload_paused_) delay = context_.throttle.upload_delay();
  if (download_paused_) delay = std::max(delay, context_.throttle.download_delay());
  context_.clock.sleep(std::min<nanoseconds>(delay, kThrottleStep));
  quiet_since_ = now();  // it is we who are silent
  if (delay > kThrottleStep) return success();
  upload_paused_ = download_paused_ = false;
  curl_.curl_easy_pause(lane_.easy, CURLPAUSE_CONT);
  return success();
}

// --- the end ---

Result<void> Transfer::outcome() {
  int left = 0;
  CURLMsg* message = curl_.curl_multi_info_read(lane_.multi, &left);
  CHECK(message != nullptr && message->msg == CURLMSG_DONE);
  if (message->data.result != CURLE_OK) return failure(message->data.result);
  long status = 0;
  curl_.curl_easy_getinfo(lane_.easy, CURLINFO_RESPONSE_CODE, &status);
  response_.status = static_cast<int>(status);
  return success();
}

// libcurl's own words only where they can hold nothing secret: of a proxy it prints all of its URL.
Error Transfer::failure(CURLcode code) const {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
      return failed(ErrorKind::kDenied,
                    fmt::format("the server's certificate is not trusted ({})", error_text_.data()),
                    "for a server with a certificate of its own, give the file of its CA");
    case CURLE_SSL_CACERT_BADFILE:
      return failed(ErrorKind::kInvalid,
                    "the CA file " + context_.options.ca_file + " cannot be used",
                    "it must be a readable PEM file with certificates");
    case CURLE_SSL_CONNECT_ERROR:
      return failed(ErrorKind::kTransient, fmt::format("TLS failed ({})", error_text_.data()),
                    "does the server speak TLS on this port?");
    case CURLE_COULDNT_RESOLVE_HOST:
      return failed(ErrorKind::kTransient, "the host's name cannot be resolved",
                    "check the endpoint's spelling and this host's name servers");
    case CURLE_COULDNT_RESOLVE_PROXY:
      return failed(ErrorKind::kTransient, "the proxy's name cannot be resolved",
                    "check http_proxy, https_proxy and no_proxy in the environment");
    case CURLE_WRITE_ERROR:
      if (!too_large_) break;
      return failed(ErrorKind::kCorrupt,
                    fmt::format("the answer is larger than {} bytes", request_.response_limit));
    case CURLE_UNSUPPORTED_PROTOCOL:
      // So libcurl calls an answer without a status line: HTTP/0.9.
      if (connected()) return failed(ErrorKind::kTransient, "the answer is no HTTP");
      [[fallthrough]];
    case CURLE_URL_MALFORMAT:
      return failed(ErrorKind::kInvalid,
                    "the URL or a proxy's URL in the environment is malformed");
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_HTTP2:
    case CURLE_BAD_CONTENT_ENCODING:
      return failed(ErrorKind::kTransient, "the answer is no HTTP");
    default:
      break;
  }
  // What is left is a connection that could not be made or broke: asking again may help.
  long os_error = 0;
  curl_.curl_easy_getinfo(lane_.easy, CURLINFO_OS_ERRNO, &os_error);
  std::string why = curl_.curl_easy_strerror(code);
  if (code == CURLE_COULDNT_CONNECT && os_error != 0) {
    why += ": " + errno_error(static_cast<int>(os_error), "connecting").message;
  }
  return failed(ErrorKind::kTransient, why);
}

void Transfer::count_traffic() const {
  long request_headers = 0;
  long response_headers = 0;
  curl_.curl_easy_getinfo(lane_.easy, CURLINFO_REQUEST_SIZE, &request_headers);
  curl_.curl_easy_getinfo(lane_.easy, CURLINFO_HEADER_SIZE, &response_headers);
  context_.counters.count_sent(static_cast<uint64_t>(request_headers));
  context_.counters.count_received(static_cast<uint64_t>(response_headers));
}

}  // namespace

Result<std::unique_ptr<Lane>> Lane::open(const Libcurl& curl) {
  CURL* easy = curl.curl_easy_init();
  CURLM* multi = curl.curl_multi_init();
  if (easy == nullptr || multi == nullptr) throw std::bad_alloc();
  return std::unique_ptr<Lane>(new Lane(curl, easy, multi));
}

Lane::~Lane() {
  curl.curl_easy_cleanup(easy);
  curl.curl_multi_cleanup(multi);
}

Result<Response> run_transfer(Lane& lane, const Request& request, const TransferContext& context) {
  return Transfer(lane, request, context).run();
}

}  // namespace walkback::net
