// Channels that are a POST of JSON to a URL which is a secret. Internal to alert.
#pragma once

#include <memory>
#include <string>

#include "alert/channels.h"
#include "net/url.h"

namespace walkback::alert {

struct HttpChannelOptions {
  std::string name;  // "slack"
  net::Url url;
  std::string key;  // for the two below
  std::string (*payload)(const Message& message, const std::string& key) = nullptr;

  // A body that its server judges as it does a message, and tells nobody of. Null where any body
  // may be a message: then the server is asked for the head of the page alone.
  std::string (*harmless)(const std::string& key) = nullptr;
  // What the harmless body is answered where messages are taken.
  int harmless_status = 0;
};

std::unique_ptr<Channel> make_http_channel(HttpChannelOptions options, const Means& means);

// Asks until it is answered with success, or it is too late.
Result<void> get(const net::Url& url, const Means& means);

// Whether anybody answers at that host and port, whatever it answers: the path is not asked for.
Result<std::string> probe_server(const net::Url& url, const Means& means);

}  // namespace walkback::alert
