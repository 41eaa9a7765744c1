#include "s3/credentials_chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/testing/manual_clock.h"
#include "base/testing/simulated_files.h"
#include "base/time_text.h"
#include "s3/shared_files.h"
#include "s3/testing/scripted_http.h"

namespace walkback::s3 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::ScriptedHttp;

constexpr std::string_view kJson = R"({"Code": "Success", "AccessKeyId": "ASIATEST",
  "SecretAccessKey": "plantedsecret", "Token": "plantedtoken", "Expiration": "2026-11-22T21:00:00Z"})";

struct ChainTest : ::testing::Test {
  ChainTest() {
    CHECK(make_directories(files, "/home/pg/.aws", 0700).ok());
    CHECK(make_directories(files, "/var/run/secrets", 0700).ok());
  }
  void write(const std::string& path, std::string_view text) {
    CHECK(replace_file(files, path, as_bytes(text), 0600).ok());
  }
  CredentialsContext context() {
    return {.variables = [this](std::string_view name) { return variables[std::string(name)]; },
            .files = files,
            .http = http,
            .clock = clock,
            .home = "/home/pg",
            .region = "eu-central-1"};
  }
  using Make = std::unique_ptr<CredentialsSource> (*)(const CredentialsContext&);
  std::optional<Credentials> fetch(Make make) { return make(context())->fetch().value(); }
  Error error_of(Make make) {
    Result<std::optional<Credentials>> fetched = make(context())->fetch();
    EXPECT_FALSE(fetched.ok());
    return fetched.ok() ? make_error(ErrorKind::kIo, "") : fetched.error();
  }

  std::map<std::string, std::string> variables;
  SimulatedFiles files{1};
  ScriptedHttp http;
  ManualClock clock{{1'700'000'000'000'000}};
};

// --- the environment ---

TEST_F(ChainTest, TheEnvironmentNeedsBothHalves) {
  EXPECT_FALSE(fetch(environment_source));
  variables["AWS_ACCESS_KEY_ID"] = "AKIA";
  EXPECT_THAT(error_of(environment_source).message, HasSubstr("not AWS_SECRET_ACCESS_KEY"));
  variables["AWS_SECRET_ACCESS_KEY"] = "s";
  variables["AWS_SESSION_TOKEN"] = "t";
  auto found = fetch(environment_source);
  EXPECT_EQ(found->access_key_id, "AKIA");
  EXPECT_EQ(found->session_token, "t");
  variables["AWS_ACCESS_KEY_ID"] = "";
  EXPECT_THAT(error_of(environment_source).message, HasSubstr("not AWS_ACCESS_KEY_ID"));
}

// --- shared files ---

TEST_F(ChainTest, ProfilesAreReadAsTheAwsToolsDo) {
  write("/home/pg/.aws/credentials",
        "# mine\n[default]\naws_access_key_id = AKIADEFAULT  ; old\n"
        "AWS_SECRET_ACCESS_KEY=abc/d#e+f==\n\n[backup]\r\naws_access_key_id=AKIABACKUP\r\n"
        "aws_secret_access_key=x\r\naws_session_token=y\r\n");
  write("/home/pg/.aws/config",
        "[default]\nregion = us-east-1\n[profile backup]\nregion=eu-central-1\ns3 =\n"
        "  aws_access_key_id = notthis\n");
  EXPECT_EQ(fetch(shared_files_source)->access_key_id, "AKIADEFAULT");
  EXPECT_EQ(fetch(shared_files_source)->secret_access_key, "abc/d#e+f==");
  EXPECT_EQ(region_of_environment(context()).value(), "us-east-1");
  variables["AWS_PROFILE"] = "backup";
  auto found = fetch(shared_files_source);
  EXPECT_EQ(found->access_key_id, "AKIABACKUP");
  EXPECT_EQ(found->session_token, "y");
  EXPECT_EQ(found->source, "profile backup in /home/pg/.aws/credentials");
  EXPECT_EQ(region_of_environment(context()).value(), "eu-central-1");
  variables["AWS_DEFAULT_REGION"] = "eu-west-1";
  EXPECT_EQ(region_of_environment(context()).value(), "eu-west-1");
}

TEST_F(ChainTest, KeysMayStandInTheConfigFileButTheCredentialsFileWins) {
  write("/home/pg/.aws/config",
        "[profile a]\naws_access_key_id=C\naws_secret_access_key=c\n"
        "[profile b]\naws_access_key_id=C\naws_secret_access_key=c\n");
  write("/home/pg/.aws/credentials", "[b]\naws_access_key_id=K\naws_secret_access_key=k\n");
  variables["AWS_PROFILE"] = "a";
  EXPECT_EQ(fetch(shared_files_source)->access_key_id, "C");
  variables["AWS_PROFILE"] = "b";
  EXPECT_EQ(fetch(shared_files_source)->access_key_id, "K");
}

TEST_F(ChainTest, FilesMayLieElsewhere) {
  write("/var/run/secrets/aws", "[default]\naws_access_key_id=E\naws_secret_access_key=e\n");
  variables["AWS_SHARED_CREDENTIALS_FILE"] = "/var/run/secrets/aws";
  EXPECT_EQ(fetch(shared_files_source)->access_key_id, "E");
}

TEST_F(ChainTest, WithoutFilesThereIsNothingUnlessAProfileWasNamed) {
  EXPECT_FALSE(fetch(shared_files_source));
  variables["AWS_PROFILE"] = "absent";
  EXPECT_THAT(error_of(shared_files_source).message, HasSubstr("AWS_PROFILE names absent"));
}

TEST_F(ChainTest, WhatAProfileNeedsThatWeDoNotIsSaid) {
  write("/home/pg/.aws/config", "[default]\nsso_session = corp\n");
  Error error = error_of(shared_files_source);
  EXPECT_EQ(error.kind, ErrorKind::kUnsupported);
  EXPECT_THAT(error.message, HasSubstr("uses sso_session"));
  write("/home/pg/.aws/config", "[default]\naws_access_key_id = half\n");
  EXPECT_THAT(error_of(shared_files_source).message, HasSubstr("half of a key"));
}

TEST(Ini, AnythingThatIsNoSettingIsPassedOver) {
  EXPECT_TRUE(parse_ini("").empty());
  EXPECT_TRUE(parse_ini("a=b\n=\n\n[").begin()->second.empty());
  EXPECT_EQ(parse_ini("[x]\nno equals\na = b = c").at("x").at("a"), "b = c");
}

// --- web identity ---

constexpr std::string_view kAssumed =
    "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
    "<SessionToken>t</SessionToken><SecretAccessKey>s</SecretAccessKey>"
    "<Expiration>2026-11-22T21:00:00Z</Expiration><AccessKeyId>ASIAROLE</AccessKeyId>"
    "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";

TEST_F(ChainTest, AWebIdentityIsExchangedAtTheRegionsSts) {
  EXPECT_FALSE(fetch(web_identity_source));
  write("/var/run/secrets/token", "ey.planted.jwt\n");
  variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = "/var/run/secrets/token";
  variables["AWS_ROLE_ARN"] = "arn:aws:iam::1:role/backup";
  http.then(200, kAssumed);
  auto found = fetch(web_identity_source);
  EXPECT_EQ(found->access_key_id, "ASIAROLE");
  EXPECT_EQ(to_iso_utc(*found->expires), "2026-11-22T21:00:00Z");
  EXPECT_THAT(http.lines(), ElementsAre("POST https://sts.eu-central-1.amazonaws.com/"));
  EXPECT_EQ(http.sent()[0].body,
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
            "&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fbackup&RoleSessionName=walkback"
            "&WebIdentityToken=ey.planted.jwt");
  http.then(403, "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>");
  Error error = error_of(web_identity_source);
  EXPECT_EQ(error.kind, ErrorKind::kDenied);
  EXPECT_THAT(error.message, HasSubstr("AccessDenied"));
  EXPECT_THAT(error.message + error.hint, Not(HasSubstr("planted")));
}

TEST_F(ChainTest, AWebIdentityMayStandInTheProfile) {
  write("/var/run/secrets/token", "jwt");
  write("/home/pg/.aws/config",
        "[default]\nrole_arn=arn:r\nweb_identity_token_file=/var/run/secrets/token\n");
  EXPECT_FALSE(fetch(shared_files_source));
  http.then(200, kAssumed);
  EXPECT_TRUE(fetch(web_identity_source));
  http.then(500);
  EXPECT_EQ(error_of(web_identity_source).kind, ErrorKind::kTransient);
}

// --- containers ---

TEST_F(ChainTest, AContainersEndpointIsAskedWithItsToken) {
  EXPECT_FALSE(fetch(container_source));
  variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/v2/credentials/uuid";
  variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "Basic x";
  http.then(200, kJson);
  EXPECT_EQ(fetch(container_source)->session_token, "plantedtoken");
  EXPECT_THAT(http.lines(), ElementsAre("GET http://169.254.170.2/v2/credentials/uuid"));
  EXPECT_EQ(http.sent()[0].header("Authorization"), "Basic x");
  EXPECT_TRUE(http.sent()[0].direct);

  variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "";
  variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://169.254.170.23/v1/credentials";
  variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = "/var/run/secrets/pod";
  write("/var/run/secrets/pod", "podtoken\n");
  http.then(200, kJson);
  EXPECT_TRUE(fetch(container_source));
  EXPECT_EQ(http.sent()[1].header("Authorization"), "podtoken");
}

TEST_F(ChainTest, AContainersTokenGoesToNoForeignHostInPlainText) {
  variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "planted";
  for (const char* uri : {"http://example.org/", "http://127.0.0.1.example.org/",
                          "http://169.254.169.254/", "http://user@localhost/"}) {
    variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = uri;
    EXPECT_EQ(error_of(container_source).kind, ErrorKind::kInvalid) << uri;
  }
  EXPECT_TRUE(http.sent().empty());
  for (const char* uri : {"http://localhost:8080/c", "http://127.0.0.1/c", "http://[::1]/c",
                          "http://[fd00:ec2::23]/v1", "https://example.org/c"}) {
    variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = uri;
    http.then(200, kJson);
    EXPECT_TRUE(fetch(container_source)) << uri;
  }
}

// --- instances ---

TEST_F(ChainTest, AnInstanceIsAskedWithATokenOnlyAndNeverThroughAProxy) {
  http.then(200, "imdstoken").then(200, "role name\n").then(200, kJson);
  auto found = fetch(instance_source);
  EXPECT_EQ(found->access_key_id, "ASIATEST");
  EXPECT_THAT(http.lines(),
              ElementsAre("PUT http://169.254.169.254/latest/api/token",
                          "GET http://169.254.169.254/latest/meta-data/iam/security-credentials/",
                          "GET http://169.254.169.254/latest/meta-data/iam/security-credentials/"
                          "role%20name"));
  EXPECT_EQ(http.sent()[0].header("X-aws-ec2-metadata-token-ttl-seconds"), "21600");
  EXPECT_EQ(http.sent()[2].header("X-aws-ec2-metadata-token"), "imdstoken");
  for (const auto& request : http.sent()) EXPECT_TRUE(request.direct);
}

TEST_F(ChainTest, WhereThereIsNoInstanceOrNoRoleThereIsNothing) {
  http.then_break();
  EXPECT_FALSE(fetch(instance_source));
  http.then(403);
  EXPECT_FALSE(fetch(instance_source));
  http.then(200, "token").then(404);
  EXPECT_FALSE(fetch(instance_source));
  variables["AWS_EC2_METADATA_DISABLED"] = "true";
  size_t before = http.sent().size();
  EXPECT_FALSE(fetch(instance_source));
  EXPECT_EQ(http.sent().size(), before);
}

TEST_F(ChainTest, AnInstanceThatFailsHalfWayMaySucceedLater) {
  http.then(200, "token").then(500);
  EXPECT_EQ(error_of(instance_source).kind, ErrorKind::kTransient);
  http.then(200, "token").then(200, "role").then(200, "<html>");
  EXPECT_EQ(error_of(instance_source).kind, ErrorKind::kCorrupt);
  http.then(200, "token")
      .then(200, "role")
      .then(200, R"({"Code": "AssumeRoleUnauthorizedAccess"})");
  EXPECT_THAT(error_of(instance_source).message, HasSubstr("AssumeRoleUnauthorizedAccess"));
}

TEST(CredentialsJson, AnythingElseIsAnError) {
  for (std::string_view text :
       {"", "[]", "{", "\"x\"", "{\"AccessKeyId\": 1}", "{\"AccessKeyId\": \"a\"}",
        "{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"b\", \"Expiration\": \"soon\"}"}) {
    EXPECT_FALSE(parse_credentials_json(as_bytes(text), "it").ok()) << text;
  }
  EXPECT_FALSE(parse_credentials_json(as_bytes(std::string(100'000, '[')), "it").ok());
}

// --- the whole chain ---

TEST_F(ChainTest, EveryPlaceIsNamedWhenNoneHasAny) {
  http.then_break();
  auto provider = make_credentials_provider(default_chain(context()), clock);
  Error error = provider->get().error();
  EXPECT_THAT(error.message,
              HasSubstr("AWS_ACCESS_KEY_ID in the environment; profile default in "
                        "/home/pg/.aws/credentials; AWS_WEB_IDENTITY_TOKEN_FILE; "
                        "AWS_CONTAINER_CREDENTIALS_…_URI; the instance metadata service at "
                        "http://169.254.169.254"));
}

}  // namespace
}  // namespace walkback::s3
