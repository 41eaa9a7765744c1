#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "net/libcurl.h"
#include "net/mail.h"

namespace walkback::net {

namespace {

constexpr long kPermanentFailure = 500;
constexpr long kWantsLogin = 530;  // RFC 4954, 6

// One with a server, from its greeting on.
class Conversation {
 public:
  Conversation(const Libcurl& curl, const MailServer& server)
      : curl_(curl), server_(server), easy_(curl.curl_easy_init()) {
    if (easy_ == nullptr) throw std::bad_alloc();
    set_up();
  }
  ~Conversation() {
    curl_.curl_slist_free_all(recipients_);
    curl_.curl_easy_cleanup(easy_);
  }
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  Result<void> send(const Mail& mail) {
    unsent_ = mail.text;
    set(CURLOPT_MAIL_FROM, address(mail.from).c_str());
    for (const std::string& to : mail.to) {
      curl_slist* longer = curl_.curl_slist_append(recipients_, address(to).c_str());
      if (longer == nullptr) throw std::bad_alloc();
      recipients_ = longer;
    }
    set(CURLOPT_MAIL_RCPT, recipients_);
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_READFUNCTION, &Conversation::on_read);
    set(CURLOPT_READDATA, this);
    return perform("the message is refused");
  }

  Result<void> try_envelope(const std::string& from, const std::vector<std::string>& to) {
    set(CURLOPT_NOBODY, 1L);
    set(CURLOPT_HEADERFUNCTION, &Conversation::on_answer);
    set(CURLOPT_HEADERDATA, this);
    TRY(command("MAIL FROM:" + address(from), "it takes no mail from " + from));
    if (!server_.user.empty() && !logged_in_) return nobody_asked();
    for (const std::string& one : to) {
      const Result<void> taken = command("RCPT TO:" + address(one), "it takes no mail for " + one);
      // "Come again": send() does.
      if (!taken.ok() && taken.error().kind != ErrorKind::kTransient) return taken;
    }
    return success();
  }

 private:
  template <typename Value>
  void set(CURLoption option, Value value) {
    CHECK(curl_.curl_easy_setopt(easy_, option, value) == CURLE_OK);
  }

  void set_up() {
    set(CURLOPT_URL, server_.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROXY, "");
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(server_.connect.count()));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(server_.whole.count()));
    set(CURLOPT_USE_SSL,
        static_cast<long>(server_.requires_tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!server_.ca_file.empty()) {
      set(CURLOPT_CAINFO, server_.ca_file.c_str());
      set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    }
    if (!server_.user.empty()) {
      set(CURLOPT_USERNAME, server_.user.c_str());
      set(CURLOPT_PASSWORD, server_.password.c_str());
    }
  }

  // On one connection, which libcurl keeps.
  Result<void> command(const std::string& line, std::string_view refusal) {
    set(CURLOPT_CUSTOMREQUEST, line.c_str());
    TRY(perform(refusal));
    // libcurl takes a 553 for an answer to its own VRFY.
    if (last_answer() >= kPermanentFailure) return failure(CURLE_WEIRD_SERVER_REPLY, refusal);
    return success();
  }

  long last_answer() const {
    long answer = 0;
    curl_.curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &answer);
    return answer;
  }

  Result<void> perform(std::string_view refusal) {
    const CURLcode code = curl_.curl_easy_perform(easy_);
    if (code == CURLE_OK) return success();
    return failure(code, refusal);
  }

  static std::string address(const std::string& text) { return "<" + text + ">"; }

  static size_t on_read(char* out, size_t size, size_t count, void* self) {
    std::string_view& unsent = static_cast<Conversation*>(self)->unsent_;
    const size_t bytes = std::min(size * count, unsent.size());
    std::memcpy(out, unsent.data(), bytes);
    unsent.remove_prefix(bytes);
    return bytes;
  }

  // Each line that the server says.
  static size_t on_answer(char* line, size_t size, size_t count, void* self) {
    constexpr std::string_view kLoggedIn = "235";  // RFC 4954, 6
    if (std::string_view(line, size * count).starts_with(kLoggedIn)) {
      static_cast<Conversation*>(self)->logged_in_ = true;
    }
    return size * count;
  }

  // Without AUTH among what it offers, libcurl goes on without.
  Error nobody_asked() const {
    return make_error(ErrorKind::kDenied, server_.url + ": it asks for no user and password",
                      server_.requires_tls ? "a server that needs none is used without a user"
                                           : "many ask over TLS only");
  }

  // libcurl's own texts for a code are fixed; those for a connection may hold what a server said.
  Error failure(CURLcode code, std::string_view refusal) const {
    const long answer = last_answer();
    auto failed = [&](ErrorKind kind, std::string_view what, std::string_view hint = {}) {
      return make_error(kind,
                        fmt::format("{}: {}{}", server_.url, what,
                                    answer > 0 ? fmt::format(" (it answered {})", answer) : ""),
                        std::string(hint));
    };
    switch (code) {
      case CURLE_LOGIN_DENIED:
        return failed(ErrorKind::kDenied, "user or password is refused");
      case CURLE_PEER_FAILED_VERIFICATION:
        return failed(ErrorKind::kDenied, "the server's certificate is not trusted");
      case CURLE_USE_SSL_FAILED:
        return failed(ErrorKind::kDenied, "the server offers no TLS",
                      "a server on this host may be used without it");
      case CURLE_UNSUPPORTED_PROTOCOL:
      case CURLE_URL_MALFORMAT:
        return failed(ErrorKind::kInvalid, "no URL of a mail server",
                      "smtp://host:587 or smtps://host:465");
      default:
        break;
    }
    // Also of one that wants TLS first (RFC 3207, 4).
    if (answer == kWantsLogin && !server_.user.empty() && !logged_in_) return nobody_asked();
    if (answer == kWantsLogin) {
      return failed(ErrorKind::kDenied, "it wants a user and a password, or TLS",
                    "alert.smtp_user and alert.smtp_password, or alert.smtp_security = \"tls\"");
    }
    const bool refused = answer >= kPermanentFailure;
    return failed(refused ? ErrorKind::kInvalid : ErrorKind::kTransient,
                  refused ? refusal : curl_.curl_easy_strerror(code));
  }

  const Libcurl& curl_;
  const MailServer& server_;
  CURL* const easy_;
  curl_slist* recipients_ = nullptr;
  std::string_view unsent_;
  bool logged_in_ = false;
};

class CurlMailClient final : public MailClient {
 public:
  Result<void> send(const MailServer& server, const Mail& mail) override {
    const Libcurl* curl = TRY(load_libcurl());
    return Conversation(*curl, server).send(mail);
  }
  Result<void> try_envelope(const MailServer& server, const std::string& from,
                            const std::vector<std::string>& to) override {
    const Libcurl* curl = TRY(load_libcurl());
    return Conversation(*curl, server).try_envelope(from, to);
  }
};

}  // namespace

std::unique_ptr<MailClient> make_curl_mail_client() { return std::make_unique<CurlMailClient>(); }

}  // namespace walkback::net
