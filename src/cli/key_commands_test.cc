// The key commands as a caller sees them, on real files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/testing/manual_clock.h"
#include "base/time_text.h"
#include "cli/errors.h"
#include "cli/run.h"
#include "cli/testing/captured_output.h"
#include "cli/testing/golden.h"
#include "keys/host_key.h"
#include "keys/testing/key_world.h"
#include "store/file_store.h"

namespace walkback::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using Json = nlohmann::ordered_json;

class KeyCommands : public testing::Test {
 protected:
  KeyCommands() {
    setenv("TZ", "Europe/Berlin", 1);
    tzset();
    char name[] = "/tmp/walkback-keycli-XXXXXX";
    directory_ = mkdtemp(name);
    clock_.jump_to(parse_iso_utc("2026-11-22T15:46:59Z").value());
    std::filesystem::create_directory(path("repository"));
    make_repository("age");
  }
  ~KeyCommands() override {
    std::filesystem::remove_all(directory_);
    unsetenv("TZ");
    tzset();
  }

  std::string path(const std::string& name) const { return directory_ + "/" + name; }
  Result<std::unique_ptr<store::ObjectStore>> open() {
    return store::open_file_store(system_files(), random_, path("repository"));
  }
  void make_repository(const std::string& encryption) {
    const std::string marker = "{\"format_version\": 1, \"id\": \"" + std::string(32, 'a') +
                               "\", \"encryption\": \"" + encryption +
                               "\", \"created\": \"2026-11-22T14:46:59Z\"}";
    ASSERT_TRUE(open().value()->put(store::ObjectKey("walkback.json"), as_bytes(marker)).ok());
  }
  void configure(const std::string& encryption, const std::string& kind = "age") const {
    std::ofstream(path("walkback.toml")) << "[repository]\nurl = \"file://" << path("repository")
                                         << "\"\nencryption = \"" << kind << "\"\n[encryption]\n"
                                         << encryption << "\n";
    // Required; in most stories nobody's.
    if (encryption.find("recipients") != std::string::npos) return;
    std::ofstream(path("walkback.toml"), std::ios::app)
        << "recipients = [\"" << nobody() << "\"]\n";
  }
  static std::string nobody() {
    SeededRandom random(99);
    return crypto::Identity::generate(random).recipient().text();
  }
  int walkback(std::vector<std::string> words) {
    words.insert(words.begin(), {"--config", path("walkback.toml")});
    output_.out_text.clear();
    output_.err_text.clear();
    return static_cast<int>(run(words, env_));
  }
  // Its JSON; the command must succeed.
  Json json(std::vector<std::string> words) {
    words.insert(words.begin(), "--json");
    EXPECT_EQ(walkback(words), 0) << output_.err_text;
    return Json::parse(output_.out_text);
  }
  std::string generate(const std::string& name) {
    EXPECT_EQ(walkback({"key", "generate", "--output", path(name)}), 0) << output_.err_text;
    return output_.out_text.substr(0, output_.out_text.find('\n'));
  }
  std::string read(const std::string& name) const {
    std::stringstream text;
    text << std::ifstream(path(name)).rdbuf();
    return text.str();
  }
  // What is made of a directory's random name, for golden texts.
  std::string without_directory(std::string text) const {
    for (size_t at; (at = text.find(directory_)) != std::string::npos;) {
      text.replace(at, directory_.size(), "/etc/walkback");
    }
    return text;
  }

  CapturedOutput output_;
  ManualClock clock_;
  SeededRandom random_{1};
  keys::FakeGpg gpg_;
  std::string directory_;
  Env env_{
      .files = system_files(),
      .clock = clock_,
      .random = random_,
      .output = output_,
      .environment = {},
      .program = "/usr/bin/walkback",
      .working_directory = "/",
      .user_id = geteuid(),
      .user_name = [](uint32_t id) { return "u" + std::to_string(id); },
      .open_store = [this](const config::Config&, Access,
                           const std::stop_token&) { return open(); },
      .open_beneath = [this](const config::Config&, Access,
                             const std::stop_token&) { return open(); },
      .gpg = gpg_,
      .traffic = [] { return std::string(); },
      .connect = [](const pgconn::ConnectOptions&) -> Result<std::unique_ptr<pgconn::Connection>> {
        return make_error(ErrorKind::kTransient, "connection refused");
      },
      .watch_interrupts = [](OnInterrupt) { return std::stop_token(); }};
};

TEST_F(KeyCommands, GeneratePrintsTheRecipientAndSaysLoudlyWhereTheKeyLies) {
  const std::string recipient = generate("owner.key");
  EXPECT_EQ(output_.out_text, recipient + "\n");
  EXPECT_THAT(recipient, StartsWith("age1"));
  EXPECT_THAT(output_.err_text, HasSubstr("THE PRIVATE KEY lies in " + path("owner.key")));
  struct stat status {};
  ASSERT_EQ(stat(path("owner.key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
  EXPECT_EQ(walkback({"key", "generate", "--output", path("owner.key")}), 1) << "never again";
  EXPECT_THAT(output_.err_text, HasSubstr("is there already"));
}

TEST_F(KeyCommands, GenerateNamesThisHostAsASigner) {
  const auto host =
      keys::create_host_key(system_files(), random_, clock_, path("host.key"), "db1").value();
  configure("host_key_file = \"" + path("host.key") + "\"");
  const Json key = json({"key", "generate", "--output", path("owner.key")})["key"];
  const std::string verify = host.signing_key.verify_key().text();
  EXPECT_EQ(key["signers"], Json::array({verify}));
  EXPECT_EQ(key["file"], path("owner.key"));
  EXPECT_THAT(read("owner.key"), HasSubstr("# walkback-signer: " + verify));
  chmod(path("host.key").c_str(), 0644);
  EXPECT_EQ(walkback({"key", "generate", "--output", path("second.key")}), 0);
  EXPECT_THAT(output_.err_text, AllOf(StartsWith("warning: the new file does not name this host"),
                                      HasSubstr("chmod 600")));
}

TEST_F(KeyCommands, AddPrintsTheLineForTheConfiguration) {
  const std::string ada = generate("ada.key");
  const std::string bob = generate("bob.key");
  configure("recipients = [\"" + ada + "\"]\nidentity_file = \"" + path("ada.key") + "\"");
  const std::string before = read("walkback.toml");
  EXPECT_EQ(walkback({"key", "add", bob, "--label", "Bob, safe"}), 0) << output_.err_text;
  expect_golden("key_add.txt", without_directory(output_.out_text));
  EXPECT_EQ(read("walkback.toml"), before);
  EXPECT_THAT(output_.err_text, HasSubstr("THE PRIVATE KEY of " + bob));
  expect_golden("key_add.json", without_directory(json({"key", "add", bob}).dump(2) + "\n"));
  EXPECT_EQ(output_.err_text, "") << "said before";
}

TEST_F(KeyCommands, AddWithoutTheOldKeySaysWhereToRunItAgain) {
  const std::string ada = generate("ada.key");
  const std::string bob = generate("bob.key");
  configure("recipients = [\"" + ada + "\"]");
  EXPECT_EQ(walkback({"key", "add", bob}), 0) << output_.err_text;
  expect_golden("key_add_without.txt", without_directory(output_.out_text));
}

TEST_F(KeyCommands, AddTakesAnOpenPgpKey) {
  configure("");
  const Json report = json({"key", "add", "gpg:ada@example.org"});
  EXPECT_EQ(report["key"]["gpg"], std::string(40, 'F'));
  EXPECT_EQ(report["key"]["label"], "Ada <ada@example.org>");
  EXPECT_EQ(report["recipients"], Json::array({nobody(), report["key"]["recipient"]}));
  EXPECT_THAT(output_.err_text, HasSubstr("encrypted to OpenPGP key FFFF"));
  EXPECT_EQ(walkback({"key", "add", "gpg:nobody"}), 1);
}

TEST_F(KeyCommands, RotateSaysWhatToChangeAndWhatCannotBeTakenBack) {
  const std::string ada = generate("ada.key");
  configure("recipients = [\"" + ada + "\"]\nidentity_file = \"" + path("ada.key") + "\"");
  EXPECT_EQ(walkback({"key", "rotate", "--output", path("new.key")}), 0) << output_.err_text;
  expect_golden("key_rotate.txt", without_directory(output_.out_text));
  EXPECT_THAT(output_.err_text, HasSubstr("THE PRIVATE KEY lies in " + path("new.key")));
  configure("recipients = [\"" + ada + "\"]");
  const std::string bob = generate("bob.key");
  const Json report = json({"key", "rotate", "--recipient", bob});
  EXPECT_EQ(report["retired"], ada);
  EXPECT_EQ(report["does_not_open"].size(), 2u) << "the other new one is known too";
  EXPECT_EQ(report["file"], nullptr);
}

TEST_F(KeyCommands, RotateOfTheHostNamesBothLines) {
  keys::create_host_key(system_files(), random_, clock_, path("host.key"), "db1").value();
  configure("host_key_file = \"" + path("host.key") + "\"");
  EXPECT_EQ(walkback({"key", "rotate", "--host"}), 0) << output_.err_text;
  expect_golden("key_rotate_host.txt", without_directory(output_.out_text));
  const Json host = json({"key", "rotate", "--host", "--output", path("third")})["host_key"];
  EXPECT_EQ(host["file"], path("third"));
  EXPECT_THAT(host["retired_verify"].get<std::string>(), StartsWith("walkback-verify1"));
  std::filesystem::remove(path("host.key"));
  EXPECT_EQ(walkback({"key", "rotate", "--host"}), 0) << output_.err_text;
  EXPECT_THAT(output_.out_text, HasSubstr("The old key was not there"));
}

TEST_F(KeyCommands, ListShowsEveryKey) {
  const std::string ada = generate("ada.key");
  const std::string bob = generate("bob.key");
  configure("recipients = [\"" + ada + "\"]\nidentity_file = \"" + path("ada.key") + "\"");
  json({"key", "add", ada, "--label", "Ada"});
  json({"key", "add", "gpg:ada@example.org", "--label", "gpg"});
  clock_.advance(std::chrono::hours(24));
  json({"key", "rotate", "--recipient", bob});
  configure("recipients = [\"" + bob + "\"]\nidentity_file = \"" + path("ada.key") + "\"");
  ASSERT_TRUE((*open())
                  ->put(store::ObjectKey("keys/" + bob.substr(0, 20) + ".gpg"),
                        as_bytes(std::string(70'000, 'x')))
                  .ok());
  EXPECT_EQ(walkback({"key", "list"}), 0) << output_.err_text;
  expect_golden("key_list.txt", output_.out_text);
  expect_golden("key_list.json", json({"key", "list"}).dump(2) + "\n");
}

TEST_F(KeyCommands, AWrongConfigurationIsBadUsage) {
  configure("", "none");
  EXPECT_EQ(walkback({"key", "add", "age1x"}), 1);
  EXPECT_THAT(output_.err_text, HasSubstr("has encryption \"age\", the configuration says"));
  std::filesystem::remove(path("repository/walkback.json"));
  EXPECT_EQ(walkback({"key", "list"}), 1);
  EXPECT_THAT(output_.err_text, HasSubstr("is no walkback repository"));
  make_repository("none");
  EXPECT_EQ(walkback({"key", "add", "age1x"}), 2);
  EXPECT_THAT(output_.err_text, StartsWith("error: this repository is not encrypted"));
  configure("recipients = [\"age1x\"]");
  EXPECT_EQ(walkback({"key", "list"}), 2);
  EXPECT_THAT(output_.err_text, StartsWith("error: encryption.recipients, entry 1: "));
}

TEST_F(KeyCommands, OpenPermissionsAreRefusedWithTheCommandToRun) {
  const std::string ada = generate("ada.key");
  configure("recipients = [\"" + ada + "\"]\nidentity_file = \"" + path("ada.key") + "\"");
  chmod(path("ada.key").c_str(), 0640);
  EXPECT_EQ(walkback({"key", "list"}), 1);
  EXPECT_THAT(output_.err_text,
              AllOf(HasSubstr("open to other users"), HasSubstr("chmod 600 " + path("ada.key"))));
}

// ---- secrets ----

// Everything that is printed while private keys lie in every place where one can be put by mistake.
TEST_F(KeyCommands, NoPrivateKeyIsEverPrinted) {
  const std::string ada = generate("ada.key");
  const auto host =
      keys::create_host_key(system_files(), random_, clock_, path("host.key"), "db1").value();
  const crypto::Identity planted = crypto::Identity::generate(random_);
  const std::string secret(planted.text().view());
  const std::string signing(host.signing_key.text().view());
  std::ofstream(path("broken.key")) << secret.substr(0, 60) << "\n";
  chmod(path("broken.key").c_str(), 0600);
  std::string lower = secret;
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));

  std::string printed;
  const auto collect = [&](const std::vector<std::string>& words) {
    for (const bool as_json : {false, true}) {
      std::vector<std::string> all = words;
      if (as_json) all.emplace_back("--json");
      walkback(all);
      printed += output_.out_text + output_.err_text;
    }
  };
  for (const std::string& key : {secret, lower, signing}) {
    configure("recipients = [\"" + ada + "\"]\nidentity_file = \"" + path("ada.key") +
              "\"\nhost_key_file = \"" + path("host.key") + "\"");
    collect({"key", "add", key});
    collect({"key", "add", ada, "--label", key});
    collect({"key", "add", ada, key});
    collect({"key", "rotate", "--recipient", key});
    collect({"key", "rotate", "--recipient", ada, "--retire", key});
    collect({"key", key});
    collect({key});
    collect({"--" + key});
    collect({"recover", "--latest", "--into", "/x", "--port", key});
    collect({"key", "list"});
    configure("recipients = [\"" + key + "\"]");
    collect({"key", "list"});
    configure("trusted_signers = [\"" + key + "\"]");
    collect({"key", "list"});
    configure("identity_file = \"" + key + "\"");
    collect({"key", "list"});
    configure("host_key_file = \"" + path("broken.key") + "\"");
    collect({"key", "list"});
    configure("identity_file = \"" + path("broken.key") + "\"");
    collect({"key", "list"});
    collect({"key", "rotate", "--output", path("new-" + key.substr(60))});
  }
  EXPECT_THAT(printed, HasSubstr("private key"));
  // Any part of the data would be too much; the first letters after the prefix will do.
  const std::string of_host(host.identity.text().view().substr(17, 12));
  const std::string of_owner = read("ada.key");
  for (const std::string& part :
       {secret.substr(17, 12), lower.substr(17, 12), signing.substr(22, 12), of_host,
        of_owner.substr(of_owner.find("KEY-1") + 5, 12)}) {
    EXPECT_EQ(printed.find(part), std::string::npos)
        << printed.substr(std::max<size_t>(printed.find(part), 300) - 300, 400);
  }
}

TEST_F(KeyCommands, WhateverQuotesAPrivateKeyItIsTakenOut) {
  EXPECT_EQ(without_private_keys("x AGE-SECRET-KEY-1QQQ, age-secret-key-1z\" y"),
            "x AGE-SECRET-KEY-, age-secret-key-\" y");
  EXPECT_EQ(without_private_keys("WALKBACK-SIGNING-KEY-1Q"), "WALKBACK-SIGNING-KEY-");
  EXPECT_EQ(without_private_keys("age1qqq"), "age1qqq");
}

}  // namespace
}  // namespace walkback::cli
