#include "s3/region.h"

#include <fmt/format.h>

#include <algorithm>

namespace walkback::s3 {
namespace {

// "eu-central-1", "us-gov-west-1": words of letters, and a number at the end.
bool has_aws_form(std::string_view region) {
  size_t dash = region.rfind('-');
  if (dash == std::string_view::npos || region.size() - dash != 2) return false;
  auto is_word = [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; };
  return region.find('-') != dash && region[dash + 1] >= '0' && region[dash + 1] <= '9' &&
         std::ranges::all_of(region.substr(0, dash), is_word);
}

// GetBucketLocation's old names.
std::string modern(const std::string& location) {
  if (location.empty()) return "us-east-1";
  return location == "EU" ? "eu-west-1" : location;
}

Result<std::string> told_region(S3Store& store) {
  Client& client = store.client();
  Call head{.action = Action::kList,
            .doing = "looking for bucket " + client.options().bucket,
            .method = net::Method::kHead};
  Reply reply = TRY(client.call(head));
  std::string told(reply.response.header("x-amz-bucket-region").value_or(""));
  if (!told.empty()) return told;
  if (reply.error && reply.error->status != 403) return client.explain(*reply.error, head);
  Call location{.action = Action::kBucketLocation,
                .doing = "asking where bucket " + client.options().bucket + " lies",
                .query = {{"location", ""}}};
  reply = TRY(client.call(location));
  if (reply.error && is_not_implemented(*reply.error)) return std::string();
  if (reply.error) return client.explain(*reply.error, location);
  std::string text = TRY_CONTEXT(parse_location(reply.response.body), location.doing);
  return is_aws(client.options()) ? modern(text) : text;
}

}  // namespace

Result<RegionCheck> ask_region(S3Store& store) {
  const S3Options& options = store.client().options();
  RegionCheck check{.configured = options.region, .actual = TRY(told_region(store))};
  bool comparable =
      is_aws(options) || (has_aws_form(check.actual) && has_aws_form(check.configured));
  check.matches = !comparable || check.actual == check.configured;
  return check;
}

Result<void> check_region(S3Store& store) {
  RegionCheck check = TRY(ask_region(store));
  if (check.matches) return success();
  return make_error(
      ErrorKind::kInvalid,
      fmt::format("bucket {} lies in region {}, not in the configured region {}",
                  store.client().options().bucket, check.actual, check.configured),
      "data would lie elsewhere than you said: correct the region, or choose a bucket "
      "that lies in it");
}

}  // namespace walkback::s3
