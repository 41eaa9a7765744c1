#include "alert/email_channel.h"

#include <fmt/format.h>

#include <algorithm>

#include "alert/patience.h"

namespace walkback::alert {

namespace {

class EmailChannel final : public Channel {
 public:
  EmailChannel(EmailOptions options, net::MailServer server, const Means& means)
      : options_(std::move(options)), server_(std::move(server)), means_(means) {}
  std::string name() const override { return "email"; }
  Result<void> send(const Message& message) override {
    // The same message, should the server's answer to the first have been lost.
    const net::Mail mail{options_.from, options_.to,
                         email_text(message, options_, means_.clock.now(), means_.random.hex(16))};
    net::Retries retries(kRetries, means_.clock, means_.random, means_.clock.monotonic() + kLongest,
                         {}, nullptr);
    for (;;) {
      Result<void> sent = means_.mail.send(server_, mail);
      if (sent.ok()) return success();
      TRY(retries.again(std::move(sent).error()));
    }
  }
  Result<std::string> probe() override {
    net::MailServer server = server_;
    server.whole = std::min<std::chrono::milliseconds>(server.whole, kProbeTime);
    TRY(means_.mail.try_envelope(server, options_.from, options_.to));
    return fmt::format("{} takes {}mail from and to these addresses; none was sent", server.url,
                       server.user.empty() ? "" : "the user, the password and ");
  }

 private:
  const EmailOptions options_;
  const net::MailServer server_;
  const Means means_;
};

bool is_address(const std::string& text) {
  const size_t at = text.find('@');
  const bool parts = at != std::string::npos && at > 0 && at + 1 < text.size();
  return parts && std::ranges::none_of(text, [](unsigned char c) {
           return c <= 0x20 || c == 0x7F || c == '<' || c == '>' || c == ',' || c == '"';
         });
}

// By what is written, not by what a name server says of it.
bool is_this_host(std::string_view host_and_port) {
  const std::string_view name = host_and_port.substr(0, host_and_port.find_first_of(":/"));
  const bool is_ipv4_loopback =
      name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string_view::npos;
  return name == "localhost" || is_ipv4_loopback || host_and_port.starts_with("[::1]");
}

Result<net::MailServer> mail_server(const EmailOptions& options) {
  const bool tls_first = options.server.starts_with("smtps://");
  std::string_view host = options.server;
  if (!tls_first && !host.starts_with("smtp://")) {
    return make_error(ErrorKind::kInvalid, "alert.smtp_url is no URL of a mail server",
                      "smtp://host:587, or smtps://host:465");
  }
  host.remove_prefix(tls_first ? 8 : 7);
  if (host.find('@') != std::string_view::npos) {
    return make_error(ErrorKind::kInvalid, "alert.smtp_url holds a user",
                      "alert.smtp_user and alert.smtp_password say who sends");
  }
  net::MailServer server;
  server.url = options.server;
  server.user = options.user;
  server.password = options.password;
  server.ca_file = options.ca_file;
  server.requires_tls =
      options.security == "tls" || (options.security == "auto" && !is_this_host(host));
  if (!server.user.empty() && !server.requires_tls && !tls_first && !is_this_host(host)) {
    return make_error(ErrorKind::kInvalid,
                      "alert.smtp_security = \"none\" would send the password in the open",
                      "\"tls\", or a server that asks for no password");
  }
  return server;
}

}  // namespace

Result<std::unique_ptr<Channel>> make_email_channel(const EmailOptions& options,
                                                    const Means& means) {
  if (options.to.empty() || options.from.empty()) {
    return make_error(ErrorKind::kInvalid, "alert.smtp_url without alert.email_from and email_to",
                      "they say from whom and to whom the mail is");
  }
  for (const std::string& address : options.to) {
    if (!is_address(address)) {
      return make_error(ErrorKind::kInvalid, "alert.email_to holds what is no address");
    }
  }
  if (!is_address(options.from)) {
    return make_error(ErrorKind::kInvalid, "alert.email_from is no address");
  }
  return std::unique_ptr<Channel>(
      std::make_unique<EmailChannel>(options, TRY(mail_server(options)), means));
}

}  // namespace walkback::alert
