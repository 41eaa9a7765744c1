#include "restore/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "pgconn/testing/scratch_cluster.h"
#include "restore/server_commands.h"
#include "restore/superusers.h"

namespace walkback::restore {
namespace {

using pgconn::testing::ScratchCluster;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
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
  int port = 0;
  {
    Result<ReservedPort> reserved = reserve_free_port();
    ASSERT_TRUE(reserved.ok());
    port = reserved->port;
  }
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  EXPECT_NE(reserve_free_port()->port, port);
  Result<void> taken = check_port_is_free(port);
  ASSERT_FALSE(taken.ok());
  EXPECT_EQ(taken.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(taken.error().hint, HasSubstr("--port"));
  close(listener);
  EXPECT_TRUE(check_port_is_free(port).ok());
}

// Nothing listens until the files are restored.
TEST(FreePort, IsNotGivenTwiceWhileItIsReserved) {
  Result<ReservedPort> first = reserve_free_port();
  Result<ReservedPort> second = reserve_free_port();
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_NE(first->port, second->port);
  Result<ReservedPort> named = reserve_port(first->port);
  ASSERT_FALSE(named.ok());
  EXPECT_EQ(named.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(named.error().message, HasSubstr("another recovery"));
  const int port = first->port;
  { const ReservedPort gone = std::move(first).value(); }
  EXPECT_TRUE(reserve_port(port).ok());
}

TEST(Superusers, AreFoundInTheClustersFiles) {
  ScratchCluster dba({"-U", "dba"});
  EXPECT_THAT(find_superusers(system_files(), dba.pgdata()), ElementsAre("dba"));
  ScratchCluster cluster;
  cluster.start();
  cluster.sql("CREATE ROLE app LOGIN");
  cluster.sql("CREATE ROLE admin LOGIN SUPERUSER");
  cluster.sql("CREATE ROLE boss SUPERUSER");
  cluster.sql("CHECKPOINT");
  EXPECT_THAT(find_superusers(system_files(), cluster.pgdata()), ElementsAre("postgres", "admin"));
  EXPECT_THAT(find_superusers(system_files(), "/nowhere"), IsEmpty());
}

// As of a recovery that was killed.
TEST(HostLock, EndsWithItsProcess) {
  const std::string name = "test/" + std::to_string(getpid());
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    auto lock = HostLock::take(name);
    (void)!write(ready[1], "x", 1);
    pause();
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_FALSE(HostLock::take(name)->has_value());
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(HostLock::take(name)->has_value());
  close(ready[0]);
  close(ready[1]);
}

TEST(ServerCommands, AreSafeToPaste) {
  EXPECT_EQ(start_command("/usr/lib/postgresql/15/bin", "/srv/a b", "-p 5556"),
            "/usr/lib/postgresql/15/bin/pg_ctl -D '/srv/a b' -l '/srv/a b/walkback-recovery.log' "
            "-o '-p 5556' start");
  EXPECT_EQ(stop_command("", "/srv/copy"), "pg_ctl -D /srv/copy -m fast stop");
  EXPECT_EQ(promote_command("/srv/copy", 5433),
            "psql -h /srv/copy -p 5433 -d postgres -c 'SELECT pg_promote()'");
  EXPECT_EQ(psql_command("", 5432), "psql -p 5432 -d postgres");
  EXPECT_EQ(psql_command("", 5432, "d ba"), "psql -p 5432 -U 'd ba' -d postgres");
}

}  // namespace
}  // namespace walkback::restore
