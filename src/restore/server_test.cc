#include "restore/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>

#include "pgconn/testing/scratch_cluster.h"
#include "restore/server_commands.h"

namespace walkback::restore {
namespace {

using pgconn::testing::ScratchCluster;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(ServerBinaries, AreFoundWhereDebianPutsThem) {
  Result<std::string> found = find_server_binaries("", 15);
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_EQ(*found, "/usr/lib/postgresql/15/bin");
  EXPECT_TRUE(find_server_binaries(ScratchCluster::binaries(), 15).ok());
}

TEST(ServerBinaries, OfAnotherVersionAreNoGood) {
  Result<std::string> other = find_server_binaries(ScratchCluster::binaries(), 14);
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().kind, ErrorKind::kMissing);
  EXPECT_THAT(other.error().message, HasSubstr("not of this version"));
  Result<std::string> none = find_server_binaries("", 99);
  ASSERT_FALSE(none.ok());
  EXPECT_THAT(none.error().hint, HasSubstr("postgresql-99"));
  EXPECT_THAT(find_server_binaries("/nowhere", 15).error().message, HasSubstr("/nowhere"));
}

TEST(ServerBinaries, KnowTheirLibraries) {
  Result<std::string> directory = find_library_directory(ScratchCluster::binaries());
  ASSERT_TRUE(directory.ok());
  EXPECT_TRUE(std::filesystem::exists(*directory + "/plpgsql.so"));
  EXPECT_FALSE(find_library_directory("/nowhere/bin").ok());
}

TEST(SocketDirectory, IsTheDataDirectoryWhereItsPathFits) {
  EXPECT_EQ(*choose_socket_directory("/srv/copy"), "/srv/copy");
  for (const std::string& unfit : {"/srv/" + std::string(90, 'x'), std::string("/srv/a,b")}) {
    Result<std::string> chosen = choose_socket_directory(unfit);
    ASSERT_TRUE(chosen.ok());
    EXPECT_THAT(*chosen, StartsWith("/tmp/walkback-"));
    std::filesystem::remove(*chosen);
  }
}

TEST(FreePort, IsNotOneThatSomebodyListensOn) {
  Result<int> port = choose_free_port();
  ASSERT_TRUE(port.ok());
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(*port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  EXPECT_NE(*choose_free_port(), *port);
  Result<void> taken = check_port_is_free(*port);
  ASSERT_FALSE(taken.ok());
  EXPECT_EQ(taken.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(taken.error().hint, HasSubstr("--port"));
  close(listener);
  EXPECT_TRUE(check_port_is_free(*port).ok());
}

TEST(ServerCommands, AreSafeToPaste) {
  EXPECT_EQ(start_command("/usr/lib/postgresql/15/bin", "/srv/a b", "-p 5556"),
            "/usr/lib/postgresql/15/bin/pg_ctl -D '/srv/a b' -l '/srv/a b/walkback-recovery.log' "
            "-o '-p 5556' start");
  EXPECT_EQ(stop_command("", "/srv/copy"), "pg_ctl -D /srv/copy -m fast stop");
  EXPECT_EQ(promote_command("/srv/copy", 5433),
            "psql -h /srv/copy -p 5433 -d postgres -c 'SELECT pg_promote()'");
  EXPECT_EQ(psql_command("", 5432), "psql -p 5432 -d postgres");
}

}  // namespace
}  // namespace walkback::restore
