// A GnuPG home directory of its own for tests, with its own agent and a pinentry that does as it is
// told. Without gpg, which is in tools/packages.txt, tests fail.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace walkback::keys {

class GpgHome {
 public:
  GpgHome() {
    std::string name = "/tmp/walkback-gpg-XXXXXX";  // short: the agent's socket lies in it
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    path_ = name;
    // Speaks Assuan (libassuan manual, "Server responses"): "cancel" refuses, another text is the
    // passphrase.
    std::ofstream(path_ + "/pinentry") << "#!/bin/sh\necho OK\n"
                                          "while read -r word rest; do case $word in\n"
                                          "GETPIN) if [ \"$(cat "
                                       << path_
                                       << "/answer)\" = cancel ]; then\n"
                                          "    echo 'ERR 83886179 Operation cancelled <Pinentry>'\n"
                                          "  else echo \"D $(cat "
                                       << path_
                                       << "/answer)\"; echo OK; fi ;;\n"
                                          "BYE) echo OK; exit ;;\n"
                                          "*) echo OK ;;\nesac; done\n";
    std::filesystem::permissions(path_ + "/pinentry", std::filesystem::perms::owner_all);
    // Nothing is remembered, so that each operation asks.
    std::ofstream(path_ + "/gpg-agent.conf")
        << "pinentry-program " << path_ << "/pinentry\ndefault-cache-ttl 0\nmax-cache-ttl 0\n";
  }
  ~GpgHome() {
    run("gpgconf --kill all");
    // The agent removes its sockets meanwhile.
    std::error_code removed_by_another;
    do std::filesystem::remove_all(path_, removed_by_another);
    while (removed_by_another == std::errc::no_such_file_or_directory);
  }
  GpgHome(const GpgHome&) = delete;
  GpgHome& operator=(const GpgHome&) = delete;

  const std::string& path() const { return path_; }

  // What a command prints, with GNUPGHOME set; the test fails when the command does.
  std::string run(const std::string& command) const {
    const std::string whole = "cd " + path_ + " && export GNUPGHOME=" + path_ + " && { " + command +
                              "; } 2>>" + path_ + "/log";
    std::string output;
    FILE* pipe = popen(whole.c_str(), "r");
    std::array<char, 4096> buffer{};
    while (size_t got = fread(buffer.data(), 1, buffer.size(), pipe))
      output.append(buffer.data(), got);
    EXPECT_EQ(pclose(pipe), 0) << command << "\n" << std::ifstream(path_ + "/log").rdbuf();
    return output;
  }

  // Its fingerprint.
  std::string make_key(const std::string& user_id, const std::string& algorithm = "future-default",
                       const std::string& more = "--passphrase ''",
                       const std::string& expires = "0") {
    run("gpg --batch --pinentry-mode loopback " + more + " --quick-generate-key '" + user_id +
        "' " + algorithm + " default " + expires);
    return fingerprint(user_id);
  }
  // Of the newest key with this user id.
  std::string fingerprint(const std::string& user_id) const {
    const std::string last = run("gpg --with-colons --list-keys '" + user_id +
                                 "' | grep -A1 ^pub | grep ^fpr | tail -1 | cut -d: -f10");
    return last.substr(0, last.find('\n'));
  }
  void pinentry_says(const std::string& answer) const {
    std::ofstream(path_ + "/answer") << answer;
  }

 private:
  std::string path_;
};

}  // namespace walkback::keys
