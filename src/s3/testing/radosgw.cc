#include "s3/testing/radosgw.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <fstream>
#include <map>
#include <stdexcept>

#include "base/check.h"

namespace walkback::s3::testing {
namespace {

// What the command wrote, to stdout and stderr; throws when it failed.
std::string run(const std::string& command) {
  FILE* pipe = ::popen((command + " 2>&1 </dev/null").c_str(), "re");
  CHECK(pipe != nullptr);
  std::string output;
  std::array<char, 4096> piece;
  for (size_t got = 0; (got = ::fread(piece.data(), 1, piece.size(), pipe)) > 0;) {
    output.append(piece.data(), got);
  }
  if (::pclose(pipe) != 0) throw std::runtime_error(command + ": " + output);
  return output;
}

// "export NAME=value" lines.
std::map<std::string, std::string> read_environment(const std::string& path) {
  std::map<std::string, std::string> values;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    size_t name = line.find(' ') + 1;
    size_t equals = line.find('=');
    values[line.substr(name, equals - name)] = line.substr(equals + 1);
  }
  return values;
}

}  // namespace

bool Radosgw::is_installed() {
  return ::system("command -v radosgw ceph-mon ceph-osd >/dev/null 2>&1") == 0;
}

Radosgw& Radosgw::shared() {
  static Radosgw server(false);
  return server;
}

Radosgw::Radosgw(bool tls) {
  std::string name = "/tmp/walkback-radosgw-XXXXXX";
  CHECK(::mkdtemp(name.data()) != nullptr);
  directory_ = name;
  run(fmt::format("OWNER={} TLS={} {}/tests/s3/radosgw.sh start {}", ::getpid(), tls ? 1 : 0,
                  WALKBACK_SOURCE_DIR, directory_));
  auto values = read_environment(directory_ + "/env");
  endpoint_ = values.at("S3_ENDPOINT");
  credentials_ = std::make_unique<FixedCredentials>(values.at("AWS_ACCESS_KEY_ID"),
                                                    values.at("AWS_SECRET_ACCESS_KEY"));
}

Radosgw::~Radosgw() {
  // The script's own watcher removes the directory once this process is gone.
  (void)::system(
      fmt::format("{}/tests/s3/radosgw.sh stop {} >/dev/null 2>&1", WALKBACK_SOURCE_DIR, directory_)
          .c_str());
}

S3Environment Radosgw::environment(net::HttpClient& http) {
  return {.http = http,
          .credentials = *credentials_,
          .clock = system_clock(),
          .random = system_random()};
}

S3Options Radosgw::new_bucket() {
  static std::atomic<int> count = 0;
  S3Options options{.bucket = fmt::format("bucket-{}-{}", ::getpid(), ++count),
                    .region = "us-east-1",
                    .endpoint = endpoint_};
  net::TrafficCounters counters;
  bool tls = endpoint_.starts_with("https");
  auto http = net::make_curl_client({.ca_file = tls ? ca_file() : ""}, system_clock(), counters);
  Client client(complete_options(options).value(), environment(*http));
  client.must({.action = Action::kPut, .doing = "making a bucket", .method = net::Method::kPut})
      .value();
  return options;
}

}  // namespace walkback::s3::testing
