// Where credentials may lie, in the order in which they are looked for.
//
// Names and forms: AWS SDKs and Tools Reference Guide, "Standardized credential providers"
// (https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "net/http.h"
#include "s3/credentials.h"

namespace walkback::s3 {

// Of the process's environment; empty when not set.
using Variables = std::function<std::string(std::string_view name)>;

// What the sources look at. All but `http` may be nothing but the host's own. Outlives them.
struct CredentialsContext {
  Variables variables;
  FileSystem& files;
  // For the services that hand out credentials: with the host's own CA certificates, whatever the
  // S3 server has.
  net::HttpClient& http;
  Clock& clock;
  std::string home;    // of the user, for ~/.aws; empty: there are no such files
  std::string region;  // for STS
};

// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
std::unique_ptr<CredentialsSource> environment_source(const CredentialsContext& context);
// ~/.aws/credentials and ~/.aws/config, or AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE; the
// profile that AWS_PROFILE names, or "default". A profile that needs what walkback does not do
// (credential_process, sso_session, source_profile) is an error.
std::unique_ptr<CredentialsSource> shared_files_source(const CredentialsContext& context);
// AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, or the profile's web_identity_token_file and
// role_arn: exchanged at STS.
std::unique_ptr<CredentialsSource> web_identity_source(const CredentialsContext& context);
// AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI: ECS tasks, EKS pods.
std::unique_ptr<CredentialsSource> container_source(const CredentialsContext& context);
// EC2 instances, version 2 of the service only. (In a container on an instance its answers arrive
// only with a hop limit of 2.)
std::unique_ptr<CredentialsSource> instance_source(const CredentialsContext& context);

// All of the above, in this order.
std::vector<std::unique_ptr<CredentialsSource>> default_chain(const CredentialsContext& context);

// AWS_REGION, AWS_DEFAULT_REGION, or the profile's region; empty when none says.
Result<std::string> region_of_environment(const CredentialsContext& context);

// --- internal ---

// {"AccessKeyId": …, "SecretAccessKey": …, "Token": …, "Expiration": …}, as containers and
// instances answer.
Result<Credentials> parse_credentials_json(ByteView body, std::string source);

}  // namespace walkback::s3
