#include "s3/credentials_chain.h"

#include <fmt/format.h>

#include "s3/shared_files.h"

namespace walkback::s3 {
namespace {

class EnvironmentSource final : public CredentialsSource {
 public:
  explicit EnvironmentSource(CredentialsContext context) : context_(std::move(context)) {}

  Result<std::optional<Credentials>> fetch() override {
    Credentials credentials;
    credentials.access_key_id = context_.variables("AWS_ACCESS_KEY_ID");
    credentials.secret_access_key = context_.variables("AWS_SECRET_ACCESS_KEY");
    credentials.session_token = context_.variables("AWS_SESSION_TOKEN");
    credentials.source = "the environment";
    bool has_id = !credentials.access_key_id.empty();
    bool has_secret = !credentials.secret_access_key.empty();
    if (!has_id && !has_secret) return {std::nullopt};
    if (has_id && has_secret) return {std::move(credentials)};
    return make_error(ErrorKind::kInvalid,
                      has_id ? "AWS_ACCESS_KEY_ID is set, but not AWS_SECRET_ACCESS_KEY"
                             : "AWS_SECRET_ACCESS_KEY is set, but not AWS_ACCESS_KEY_ID",
                      "set both, or neither");
  }
  std::string place() const override { return "AWS_ACCESS_KEY_ID in the environment"; }

 private:
  const CredentialsContext context_;
};

// What other programs do with a profile, and we do not: found out before somebody searches long.
Result<void> check_supported(const Profile& profile) {
  for (const char* setting : {"credential_process", "sso_session", "sso_start_url",
                              "source_profile", "credential_source"}) {
    if (profile.get(setting).empty()) continue;
    return make_error(
        ErrorKind::kUnsupported,
        fmt::format("profile {} uses {}, which walkback does not know", profile.name, setting),
        "give it keys of its own, or put temporary ones into the environment (aws configure "
        "export-credentials)");
  }
  return success();
}

class SharedFilesSource final : public CredentialsSource {
 public:
  explicit SharedFilesSource(CredentialsContext context) : context_(std::move(context)) {}

  Result<std::optional<Credentials>> fetch() override {
    Profile profile = TRY(read_profile(context_));
    Credentials credentials;
    credentials.access_key_id = profile.get("aws_access_key_id");
    credentials.secret_access_key = profile.get("aws_secret_access_key");
    credentials.session_token = profile.get("aws_session_token");
    credentials.source = fmt::format("profile {} in {}", profile.name, profile.file);
    bool has_id = !credentials.access_key_id.empty();
    bool has_secret = !credentials.secret_access_key.empty();
    if (has_id && has_secret) return {std::move(credentials)};
    if (has_id || has_secret) {
      return make_error(ErrorKind::kInvalid, credentials.source + " has only half of a key",
                        "it needs aws_access_key_id and aws_secret_access_key");
    }
    if (!profile.exists && profile.name != "default") {
      return make_error(ErrorKind::kInvalid,
                        fmt::format("AWS_PROFILE names {}, and {} has no such profile",
                                    profile.name, profile.file),
                        "correct AWS_PROFILE, or add the profile");
    }
    TRY(check_supported(profile));
    return {std::nullopt};
  }
  std::string place() const override {
    Result<Profile> profile = read_profile(context_);
    if (!profile.ok() || profile->file.empty()) return "~/.aws/credentials (no home directory)";
    return fmt::format("profile {} in {}", profile->name, profile->file);
  }

 private:
  const CredentialsContext context_;
};

}  // namespace

std::unique_ptr<CredentialsSource> environment_source(const CredentialsContext& context) {
  return std::make_unique<EnvironmentSource>(context);
}

std::unique_ptr<CredentialsSource> shared_files_source(const CredentialsContext& context) {
  return std::make_unique<SharedFilesSource>(context);
}

std::vector<std::unique_ptr<CredentialsSource>> default_chain(const CredentialsContext& context) {
  std::vector<std::unique_ptr<CredentialsSource>> chain;
  chain.push_back(environment_source(context));
  chain.push_back(shared_files_source(context));
  chain.push_back(web_identity_source(context));
  chain.push_back(container_source(context));
  chain.push_back(instance_source(context));
  return chain;
}

Result<std::string> region_of_environment(const CredentialsContext& context) {
  for (std::string_view name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    std::string region = context.variables(name);
    if (!region.empty()) return region;
  }
  Profile profile = TRY(read_profile(context));
  return profile.get("region");
}

}  // namespace walkback::s3
