// Mail as the rest of the program sees it: one message, handed to one server.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace walkback::net {

struct MailServer {
  std::string url;  // "smtp://host:587", or "smtps://host:465" for TLS from the first byte
  std::string user;
  std::string password;
  std::string ca_file;       // PEM, instead of the host's certificates
  bool requires_tls = true;  // of smtp://: nothing goes over the line in the open
  std::chrono::milliseconds connect{5'000};
  std::chrono::milliseconds whole{30'000};  // from the name's look-up to the server's last answer
};

struct Mail {
  std::string from;  // an address alone, as the envelope has it
  std::vector<std::string> to;
  std::string text;  // headers and body, lines ending in CRLF
};

// Thread-safe.
class MailClient {
 public:
  virtual ~MailClient() = default;
  // On success the server has taken it for every recipient. Errors: kTransient for what may pass (a
  // connection, a 4xx answer), kDenied for a certificate or a login that does not hold, kInvalid
  // for an address or a message that is refused, kMissing without libcurl. They hold no password.
  virtual Result<void> send(const MailServer& server, const Mail& mail) = 0;
  // All of what send() does before the message: connects, logs in, and asks whether mail from and
  // to these is taken. Errors as send()'s; kDenied also where there is a user and the server lets
  // nobody log in. A recipient that is to be tried again later is none.
  virtual Result<void> try_envelope(const MailServer& server, const std::string& from,
                                    const std::vector<std::string>& to) = 0;
};

// libcurl, loaded when the first mail is sent.
std::unique_ptr<MailClient> make_curl_mail_client();

}  // namespace walkback::net
