#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "net/libcurl.h"
#include "net/mail.h"

namespace walkback::net {

namespace {

constexpr long kPermanentFailure = 500;

class Sending {
 public:
  Sending(const Libcurl& curl, const MailServer& server, const Mail& mail)
      : curl_(curl), server_(server), mail_(mail), easy_(curl.curl_easy_init()) {
    if (easy_ == nullptr) throw std::bad_alloc();
  }
  ~Sending() {
    curl_.curl_slist_free_all(recipients_);
    curl_.curl_easy_cleanup(easy_);
  }
  Sending(const Sending&) = delete;
  Sending& operator=(const Sending&) = delete;

  Result<void> run() {
    set_up();
    const CURLcode code = curl_.curl_easy_perform(easy_);
    if (code == CURLE_OK) return success();
    return failure(code);
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
    set(CURLOPT_MAIL_FROM, address(mail_.from).c_str());
    for (const std::string& to : mail_.to) {
      curl_slist* longer = curl_.curl_slist_append(recipients_, address(to).c_str());
      if (longer == nullptr) throw std::bad_alloc();
      recipients_ = longer;
    }
    set(CURLOPT_MAIL_RCPT, recipients_);
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_READFUNCTION, &Sending::on_read);
    set(CURLOPT_READDATA, this);
  }

  static std::string address(const std::string& text) { return "<" + text + ">"; }

  static size_t on_read(char* out, size_t size, size_t count, void* self) {
    auto* sending = static_cast<Sending*>(self);
    const std::string& text = sending->mail_.text;
    const size_t bytes = std::min(size * count, text.size() - sending->sent_);
    std::memcpy(out, text.data() + sending->sent_, bytes);
    sending->sent_ += bytes;
    return bytes;
  }

  // libcurl's own texts for a code are fixed; those for a connection may hold what a server said.
  Error failure(CURLcode code) const {
    long answer = 0;
    curl_.curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &answer);
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
    const bool refused = answer >= kPermanentFailure;
    return failed(refused ? ErrorKind::kInvalid : ErrorKind::kTransient,
                  refused ? "the message is refused" : curl_.curl_easy_strerror(code));
  }

  const Libcurl& curl_;
  const MailServer& server_;
  const Mail& mail_;
  CURL* const easy_;
  curl_slist* recipients_ = nullptr;
  size_t sent_ = 0;
};

class CurlMailClient final : public MailClient {
 public:
  Result<void> send(const MailServer& server, const Mail& mail) override {
    const Libcurl* curl = TRY(load_libcurl());
    return Sending(*curl, server, mail).run();
  }
};

}  // namespace

std::unique_ptr<MailClient> make_curl_mail_client() { return std::make_unique<CurlMailClient>(); }

}  // namespace walkback::net
