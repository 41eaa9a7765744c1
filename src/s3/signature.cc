#include "s3/signature.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>

#include "net/url.h"

namespace walkback::s3 {
namespace {

using net::percent_encode;
using net::Slash;

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
using Digest = std::array<std::byte, 32>;

Digest hmac_sha256(ByteView key, std::string_view data) {
  Digest digest;
  CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(data.data()), data.size(),
             reinterpret_cast<unsigned char*>(digest.data()), nullptr) != nullptr);
  return digest;
}

// Without blanks at the ends, and with one where there were several.
std::string trimmed(std::string_view value) {
  std::string result;
  for (char c : value) {
    bool is_blank = c == ' ' || c == '\t';
    if (!is_blank) result += c;
    if (is_blank && !result.empty() && result.back() != ' ') result += ' ';
  }
  if (result.ends_with(' ')) result.pop_back();
  return result;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

// By name alone: "x-amz-meta-a" comes before "x-amz-meta-a-b", which comparing whole lines gets
// wrong.
std::vector<net::Header> canonical_headers(const SignedParts& parts) {
  std::vector<net::Header> headers{{"host", parts.host}};
  for (const net::Header& header : parts.headers) {
    headers.push_back({lower(header.name), trimmed(header.value)});
  }
  std::ranges::stable_sort(headers, {}, &net::Header::name);
  return headers;
}

std::string signed_names(const std::vector<net::Header>& headers) {
  std::string names;
  for (const net::Header& header : headers) {
    if (!names.empty()) names += ';';
    names += header.name;
  }
  return names;
}

std::string date_of(Timestamp time) { return amz_date(time).substr(0, 8); }

std::string scope_text(const Scope& scope) {
  return fmt::format("{}/{}/{}/aws4_request", date_of(scope.time), scope.region, scope.service);
}

std::string signature(std::string_view text, const Scope& scope, const std::string& secret) {
  std::string seed = "AWS4" + secret;
  Digest key = hmac_sha256(as_bytes(seed), date_of(scope.time));
  OPENSSL_cleanse(seed.data(), seed.size());
  for (std::string_view part : {std::string_view(scope.region), std::string_view(scope.service),
                                std::string_view("aws4_request")}) {
    key = hmac_sha256(key, part);
  }
  std::string result = to_hex(hmac_sha256(key, text));
  OPENSSL_cleanse(key.data(), key.size());
  return result;
}

}  // namespace

std::string sha256_hex(const std::vector<ByteView>& pieces) {
  struct Free {
    void operator()(EVP_MD_CTX* freed) const { EVP_MD_CTX_free(freed); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  CHECK(context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1);
  for (ByteView piece : pieces) {
    CHECK(EVP_DigestUpdate(context.get(), piece.data(), piece.size()) == 1);
  }
  Digest digest;
  CHECK(EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(digest.data()),
                           nullptr) == 1);
  return to_hex(digest);
}

std::string sha256_hex(ByteView data) { return sha256_hex(std::vector<ByteView>{data}); }

std::string content_md5(std::string_view body) {
  std::array<unsigned char, 16> digest{};
  CHECK(EVP_Digest(body.data(), body.size(), digest.data(), nullptr, EVP_md5(), nullptr) == 1);
  std::array<unsigned char, 25> encoded{};
  int size = EVP_EncodeBlock(encoded.data(), digest.data(), digest.size());
  return std::string(encoded.begin(), encoded.begin() + size);
}

std::string canonical_query(const QueryParameters& query) {
  QueryParameters encoded;
  for (const auto& [name, value] : query) {
    encoded.emplace_back(percent_encode(name, Slash::kEncode),
                         percent_encode(value, Slash::kEncode));
  }
  std::ranges::sort(encoded);
  std::string text;
  for (const auto& [name, value] : encoded) {
    if (!text.empty()) text += '&';
    text.append(name).append("=").append(value);
  }
  return text;
}

std::string canonical_request(const SignedParts& parts) {
  std::vector<net::Header> headers = canonical_headers(parts);
  std::string text = fmt::format("{}\n{}\n{}\n", net::method_name(parts.method), parts.path,
                                 canonical_query(parts.query));
  for (const net::Header& header : headers) {
    text.append(header.name).append(":").append(header.value).append("\n");
  }
  return text + '\n' + signed_names(headers) + '\n' + parts.payload_hash;
}

std::string amz_date(Timestamp time) {
  std::chrono::sys_time<std::chrono::microseconds> point{std::chrono::microseconds(time.unix_us)};
  auto day = std::chrono::floor<std::chrono::days>(point);
  std::chrono::year_month_day date(day);
  std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(point - day));
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::string string_to_sign(std::string_view canonical_request, const Scope& scope) {
  return fmt::format("{}\n{}\n{}\n{}", kAlgorithm, amz_date(scope.time), scope_text(scope),
                     sha256_hex(as_bytes(canonical_request)));
}

std::string authorization(const SignedParts& parts, const Scope& scope,
                          const Credentials& credentials) {
  return fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm,
                     credentials.access_key_id, scope_text(scope),
                     signed_names(canonical_headers(parts)),
                     signature(string_to_sign(canonical_request(parts), scope), scope,
                               credentials.secret_access_key));
}

std::vector<net::Header> signing_headers(SignedParts parts, const Scope& scope,
                                         const Credentials& credentials) {
  std::vector<net::Header> added{{"x-amz-content-sha256", parts.payload_hash},
                                 {"x-amz-date", amz_date(scope.time)}};
  if (!credentials.session_token.empty()) {
    added.push_back({"x-amz-security-token", credentials.session_token});
  }
  parts.headers.insert(parts.headers.end(), added.begin(), added.end());
  added.push_back({"Authorization", authorization(parts, scope, credentials)});
  return added;
}

}  // namespace walkback::s3
