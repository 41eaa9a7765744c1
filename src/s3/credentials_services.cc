// Services that hand out temporary credentials: STS, containers, instances.
#include <fmt/format.h>
#include <openssl/crypto.h>

#include <nlohmann/json.hpp>

#include "base/time_text.h"
#include "net/url.h"
#include "s3/credentials_chain.h"
#include "s3/shared_files.h"
#include "s3/xml.h"

namespace walkback::s3 {
namespace {

using std::chrono::milliseconds;

constexpr uint64_t kMaxAnswer = 64u << 10;
constexpr uint64_t kMaxTokenFile = 64u << 10;
// On the host or one hop away: what does not answer soon is not there.
constexpr net::Timeouts kLocalTimeouts{.connect = milliseconds(1'000),
                                       .first_byte = milliseconds(2'000),
                                       .stall = milliseconds(2'000)};
constexpr std::chrono::seconds kServiceTime{15};

// The first line of a file that holds nothing but a token.
Result<std::string> read_token(FileSystem& files, const std::string& path) {
  Bytes content = TRY(read_file(files, path, kMaxTokenFile));
  std::string token(as_text(content));
  OPENSSL_cleanse(content.data(), content.size());
  while (token.ends_with('\n') || token.ends_with('\r')) token.pop_back();
  if (!token.empty() && token.find_first_of("\r\n") == std::string::npos) return token;
  return make_error(ErrorKind::kInvalid, path + " does not hold one token");
}

Error refused(std::string_view who, int status) {
  ErrorKind kind = status >= 500 || status == 429 ? ErrorKind::kTransient : ErrorKind::kDenied;
  return make_error(kind, fmt::format("{} answered with status {}", who, status));
}

net::Request local_request(const CredentialsContext& context, net::Method method, std::string url) {
  return {.method = method,
          .url = std::move(url),
          .response_limit = kMaxAnswer,
          .timeouts = kLocalTimeouts,
          .deadline = context.clock.monotonic() + kServiceTime,
          .direct = true};
}

// --- web identity ---

class WebIdentitySource final : public CredentialsSource {
 public:
  explicit WebIdentitySource(CredentialsContext context) : context_(std::move(context)) {}

  Result<std::optional<Credentials>> fetch() override {
    std::string token_file = context_.variables("AWS_WEB_IDENTITY_TOKEN_FILE");
    std::string role = context_.variables("AWS_ROLE_ARN");
    if (token_file.empty()) {
      Profile profile = TRY(read_profile(context_));
      token_file = profile.get("web_identity_token_file");
      role = profile.get("role_arn");
    }
    if (token_file.empty()) return {std::nullopt};
    if (role.empty()) {
      return make_error(ErrorKind::kInvalid,
                        "a web identity token file is given, but no role (AWS_ROLE_ARN)");
    }
    return {TRY_CONTEXT(assume(role, token_file), "assuming " + role + " with a web identity")};
  }
  std::string place() const override { return "AWS_WEB_IDENTITY_TOKEN_FILE"; }

 private:
  Result<Credentials> assume(const std::string& role, const std::string& token_file) {
    // Read each time: whoever gives it renews it.
    std::string form = form_of(role, TRY(read_token(context_.files, token_file)));
    // In the body, not in the URL: URLs are logged.
    net::Request request{.method = net::Method::kPost,
                         .url = sts_url(),
                         .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
                         .body = {as_bytes(form)},
                         .response_limit = kMaxAnswer,
                         .deadline = context_.clock.monotonic() + kServiceTime};
    Result<net::Response> response = context_.http.perform(request);
    OPENSSL_cleanse(form.data(), form.size());
    if (!response.ok()) return std::move(response).error();
    if (response->status != 200) return refusal(*response);
    AssumedRole assumed = TRY(parse_assumed_role(response->body));
    OPENSSL_cleanse(response->body.data(), response->body.size());
    Credentials credentials;
    credentials.access_key_id = std::move(assumed.access_key_id);
    credentials.secret_access_key = std::move(assumed.secret_access_key);
    credentials.session_token = std::move(assumed.session_token);
    credentials.expires = TRY(parse_iso_utc(assumed.expiration));
    credentials.source = "the web identity of " + role;
    return credentials;
  }

  std::string form_of(const std::string& role, const std::string& token) const {
    std::string session = context_.variables("AWS_ROLE_SESSION_NAME");
    auto encoded = [](std::string_view text) {
      return net::percent_encode(text, net::Slash::kEncode);
    };
    return fmt::format(
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={}&RoleSessionName={}"
        "&WebIdentityToken={}",
        encoded(role), encoded(session.empty() ? "walkback" : session), encoded(token));
  }

  std::string sts_url() const {
    std::string own = context_.variables("AWS_ENDPOINT_URL_STS");
    if (!own.empty()) return own;
    bool china = context_.region.starts_with("cn-");
    return fmt::format("https://sts.{}.amazonaws.com{}/", context_.region, china ? ".cn" : "");
  }

  static Error refusal(const net::Response& response) {
    Error error = refused("STS", response.status);
    Result<std::string> code = find_text(response.body, "Code");
    if (code.ok()) error.message += " (" + code->substr(0, 64) + ")";
    return std::move(error).with_hint(
        "does the role trust this identity provider, and is the token for it still valid?");
  }

  const CredentialsContext context_;
};

// --- containers ---

// The token goes there in plain text: over http only to this host and to the two link-local
// addresses that AWS's agents have.
bool is_trusted_address(const net::Url& url) {
  if (url.scheme == "https") return true;
  std::string host = url.host();
  return host == "localhost" || host == "::1" || host == "169.254.170.2" ||
         host == "169.254.170.23" || host == "fd00:ec2::23" ||
         (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos);
}

class ContainerSource final : public CredentialsSource {
 public:
  explicit ContainerSource(CredentialsContext context) : context_(std::move(context)) {}

  Result<std::optional<Credentials>> fetch() override {
    std::string relative = context_.variables("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    std::string full = context_.variables("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (relative.empty() && full.empty()) return {std::nullopt};
    std::string text = relative.empty() ? full : "http://169.254.170.2" + relative;
    net::Url url = TRY_CONTEXT(net::parse_url(text), "AWS_CONTAINER_CREDENTIALS_…_URI");
    if (!is_trusted_address(url)) {
      return make_error(ErrorKind::kInvalid,
                        "AWS_CONTAINER_CREDENTIALS_FULL_URI names a host that http may not be "
                        "spoken with: " +
                            url.host(),
                        "use https, or an address of this host");
    }
    return {TRY_CONTEXT(ask(url), "asking the container's credentials endpoint")};
  }
  std::string place() const override { return "AWS_CONTAINER_CREDENTIALS_…_URI"; }

 private:
  Result<Credentials> ask(const net::Url& url) {
    net::Request request = local_request(context_, net::Method::kGet, url.text());
    request.direct = url.scheme == "http";
    std::string token = TRY(authorization());
    if (!token.empty()) request.headers.push_back({"Authorization", token});
    net::Response response = TRY(context_.http.perform(request));
    if (response.status != 200) return refused("it", response.status);
    return parse_credentials_json(response.body, "the container's credentials endpoint");
  }

  Result<std::string> authorization() const {
    std::string file = context_.variables("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    if (!file.empty()) return read_token(context_.files, file);
    return context_.variables("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  }

  const CredentialsContext context_;
};

// --- instances ---

class InstanceSource final : public CredentialsSource {
 public:
  explicit InstanceSource(CredentialsContext context) : context_(std::move(context)) {}

  Result<std::optional<Credentials>> fetch() override {
    if (context_.variables("AWS_EC2_METADATA_DISABLED") == "true") return {std::nullopt};
    std::optional<std::string> token = ask_token();
    if (!token) return {std::nullopt};
    return ask_role(*token);
  }
  std::string place() const override {
    return context_.variables("AWS_EC2_METADATA_DISABLED") == "true"
               ? "the instance metadata service (switched off by AWS_EC2_METADATA_DISABLED)"
               : "the instance metadata service at " + base();
  }

 private:
  std::string base() const {
    std::string own = context_.variables("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    while (own.ends_with('/')) own.pop_back();
    if (!own.empty()) return own;
    bool ipv6 = context_.variables("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE") == "IPv6";
    return ipv6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
  }

  // No answer, or a refusal: this is no such instance, or its service is switched off.
  std::optional<std::string> ask_token() {
    net::Request request = local_request(context_, net::Method::kPut, base() + "/latest/api/token");
    request.headers = {{"X-aws-ec2-metadata-token-ttl-seconds", "21600"}};
    Result<net::Response> response = context_.http.perform(request);
    if (!response.ok() || response->status != 200) return std::nullopt;
    std::string token(as_text(response->body));
    if (token.empty() || token.find_first_of("\r\n") != std::string::npos) return std::nullopt;
    return token;
  }

  Result<std::optional<Credentials>> ask_role(const std::string& token) {
    constexpr std::string_view kPath = "/latest/meta-data/iam/security-credentials/";
    net::Response roles = TRY(ask(base() + std::string(kPath), token));
    if (roles.status == 404) return {std::nullopt};  // an instance without a role
    if (roles.status != 200) return refused("the instance metadata service", roles.status);
    std::string role(as_text(roles.body).substr(0, as_text(roles.body).find('\n')));
    if (role.empty()) return {std::nullopt};
    std::string path = std::string(kPath) + net::percent_encode(role, net::Slash::kEncode);
    net::Response answer = TRY(ask(base() + path, token));
    if (answer.status != 200) return refused("the instance metadata service", answer.status);
    return {TRY(parse_credentials_json(answer.body, "the instance's role " + role))};
  }

  Result<net::Response> ask(std::string url, const std::string& token) {
    net::Request request = local_request(context_, net::Method::kGet, std::move(url));
    request.headers = {{"X-aws-ec2-metadata-token", token}};
    return context_.http.perform(request);
  }

  const CredentialsContext context_;
};

std::string text_of(const nlohmann::json& object, const char* name) {
  auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

Result<Credentials> parse_credentials_json(ByteView body, std::string source) {
  nlohmann::json object = nlohmann::json::parse(as_text(body), nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) {
    return make_error(ErrorKind::kCorrupt, source + " did not answer with JSON");
  }
  Credentials credentials;
  credentials.access_key_id = text_of(object, "AccessKeyId");
  credentials.secret_access_key = text_of(object, "SecretAccessKey");
  credentials.session_token = text_of(object, "Token");
  if (credentials.access_key_id.empty() || credentials.secret_access_key.empty()) {
    std::string code = text_of(object, "Code").substr(0, 64);
    return make_error(ErrorKind::kDenied, source + " has no credentials" +
                                              (code.empty() ? "" : " (it says " + code + ")"));
  }
  std::string expiration = text_of(object, "Expiration");
  if (!expiration.empty()) {
    credentials.expires = TRY_CONTEXT(parse_iso_utc(expiration), source + ": when they expire");
  }
  credentials.source = std::move(source);
  return credentials;
}

std::unique_ptr<CredentialsSource> web_identity_source(const CredentialsContext& context) {
  return std::make_unique<WebIdentitySource>(context);
}
std::unique_ptr<CredentialsSource> container_source(const CredentialsContext& context) {
  return std::make_unique<ContainerSource>(context);
}
std::unique_ptr<CredentialsSource> instance_source(const CredentialsContext& context) {
  return std::make_unique<InstanceSource>(context);
}

}  // namespace walkback::s3
