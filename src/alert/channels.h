// Where alerts go. Each sends one message, or says why it could not; none ever shows a secret.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "alert/message.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "net/http.h"
#include "net/mail.h"

namespace walkback::alert {

struct EmailOptions {
  std::string server;             // "smtp://host:587"; empty: no mail
  std::string security = "auto";  // "tls", "none"; "auto": TLS unless the server is on this host
  std::string user;
  std::string password;
  std::string ca_file;
  std::string from;
  std::vector<std::string> to;
};

// What is empty is not used.
struct ChannelOptions {
  std::string slack_url;
  std::string webhook_url;
  std::string pagerduty_key;
  std::string pagerduty_url = "https://events.pagerduty.com/v2/enqueue";
  std::string command;  // for /bin/sh
  std::string dead_mans_switch_url;
  EmailOptions email;
};

// All outlive the channels.
struct Means {
  net::HttpClient& http;
  net::MailClient& mail;
  Clock& clock;
  Random& random;
};

class Channel {
 public:
  virtual ~Channel() = default;
  virtual std::string name() const = 0;  // "slack"
  virtual Result<void> send(const Message& message) = 0;
  // Whether a message would arrive, as far as that is found out without one: what was seen, for
  // people. Asks once, for at most ten seconds.
  virtual Result<std::string> probe() = 0;
};

// In the order slack, webhook, pagerduty, email, command. kInvalid names the key of a URL, an
// address or a combination that cannot be used, and quotes nothing that may be secret.
Result<std::vector<std::unique_ptr<Channel>>> open_channels(const ChannelOptions& options,
                                                            const Means& means);

// A GET to the dead man's switch, which alerts by itself when it is not asked for long.
Result<void> ping(const std::string& url, const Means& means);
// As a channel's probe(): its server, and not the switch itself, which would take that for a sign
// of life.
Result<std::string> probe_switch(const std::string& url, const Means& means);

// The pieces, for tests.
std::string slack_payload(const Message& message);
std::string pagerduty_payload(const Message& message, const std::string& key);
std::string pagerduty_resolved_nothing(const std::string& key);
std::string email_text(const Message& message, const EmailOptions& options, Timestamp now,
                       const std::string& id);

}  // namespace walkback::alert
