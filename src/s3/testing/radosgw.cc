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

Server::Server(std::string endpoint, std::string ca_file,
               std::unique_ptr<FixedCredentials> credentials)
    : endpoint_(std::move(endpoint)),
      ca_file_(std::move(ca_file)),
      credentials_(std::move(credentials)) {}

std::optional<Server> Server::of_environment() {
  auto variable = [](const char* name) {
    const char* value = ::getenv(name);
    return std::string(value ? value : "");
  };
  if (variable("S3_ENDPOINT").empty()) return std::nullopt;
  return Server(variable("S3_ENDPOINT"), variable("S3_CA_FILE"),
                std::make_unique<FixedCredentials>(variable("AWS_ACCESS_KEY_ID"),
                                                   variable("AWS_SECRET_ACCESS_KEY")));
}

S3Environment Server::environment(net::HttpClient& http) {
  return {.http = http,
          .credentials = *credentials_,
          .clock = system_clock(),
          .random = system_random()};
}

S3Options Server::new_bucket() {
  static std::atomic<int> count = 0;
  S3Options options{.bucket = fmt::format("bucket-{}-{}", ::getpid(), ++count),
                    .region = "us-east-1",
                    .endpoint = endpoint_};
  net::TrafficCounters counters;
  auto http = net::make_curl_client({.ca_file = ca_file_}, system_clock(), counters);
  Client client(complete_options(options).value(), environment(*http));
  client.must({.action = Action::kPut, .doing = "making a bucket", .method = net::Method::kPut})
      .value();
  return options;
}

bool Radosgw::is_installed() {
  return ::system("command -v radosgw ceph-mon ceph-osd >/dev/null 2>&1") == 0;
}

Server& Radosgw::shared() {
  static Radosgw gateway(false);
  return gateway.server();
}

Radosgw::Radosgw(bool tls) {
  std::string name = "/tmp/walkback-radosgw-XXXXXX";
  CHECK(::mkdtemp(name.data()) != nullptr);
  directory_ = name;
  run(fmt::format("OWNER={} TLS={} {}/tests/s3/radosgw.sh start {}", ::getpid(), tls ? 1 : 0,
                  WALKBACK_SOURCE_DIR, directory_));
  auto values = read_environment(directory_ + "/env");
  server_.emplace(values.at("S3_ENDPOINT"), values.at("S3_CA_FILE"),
                  std::make_unique<FixedCredentials>(values.at("AWS_ACCESS_KEY_ID"),
                                                     values.at("AWS_SECRET_ACCESS_KEY")));
}

Radosgw::~Radosgw() {
  // The script's own watcher removes the directory once this process is gone.
  (void)::system(
      fmt::format("{}/tests/s3/radosgw.sh stop {} >/dev/null 2>&1", WALKBACK_SOURCE_DIR, directory_)
          .c_str());
}

}  // namespace walkback::s3::testing
