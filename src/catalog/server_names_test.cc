#include "catalog/server_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>

namespace walkback::catalog {
namespace {

using pgconn::Table;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// Of databases that have a table each, called as they are, and that let in no more than `limit`
// sessions at a time.
class Server {
 public:
  std::vector<std::string> databases{"postgres", "template0", "accounts", "billing", "crm", "shop"};
  std::set<std::string> refuses;
  int limit = 100;
  std::atomic<int> open = 0, most_open = 0, refused = 0;

  ConnectTo connect_to() {
    return [this](const std::string& database) -> Result<std::unique_ptr<pgconn::Connection>> {
      if (refuses.contains(database)) return make_error(ErrorKind::kTransient, "no pg_hba.conf");
      const int now = ++open;
      if (now > limit) {
        --open;
        ++refused;
        return make_error(ErrorKind::kTransient, "too many connections for role \"backup\"");
      }
      for (int most = most_open; now > most && !most_open.compare_exchange_weak(most, now);) {
      }
      return std::unique_ptr<pgconn::Connection>(std::make_unique<Session>(*this, database));
    };
  }
  std::unique_ptr<pgconn::Connection> own_session() {
    ++open;
    return std::make_unique<Session>(*this, "postgres");
  }

 private:
  class Session : public pgconn::Connection {
   public:
    Session(Server& server, std::string database)
        : server_(server), database_(std::move(database)) {}
    ~Session() override { --server_.open; }
    Result<Table> query(std::string_view sql, const std::vector<pgconn::Value>&) override {
      if (sql.find("pg_control_system") != std::string_view::npos) return Table{{"id"}, {{"7"}}};
      if (sql.find("FROM pg_namespace") != std::string_view::npos) {
        return Table{{"oid", "nspname"}, {{"2200", "public"}}};
      }
      if (sql.find("FROM pg_class") != std::string_view::npos) {
        return Table{{}, {{"2200", "16384", database_, "1663", "16384", "r", "-1", std::nullopt}}};
      }
      Table all;
      for (const std::string& name : server_.databases) {
        all.rows.push_back({std::to_string(100 + all.rows.size()), name, "1663",
                            name == "template0" ? "f" : "t", name == database_ ? "t" : "f"});
      }
      return all;
    }
    Result<uint64_t> copy_out(std::string_view,
                              const std::function<Result<void>(std::string_view)>&) override {
      return make_error(ErrorKind::kUnsupported, "names are not copied out");
    }
    bool alive() override { return true; }
    int server_version() const override { return 150018; }

   private:
    Server& server_;
    const std::string database_;
  };
};

class ServerNames : public testing::Test {
 protected:
  Names read() { return read_server_names(*server.own_session(), server.connect_to()).value(); }
  // "billing.billing", as each database's one table is called after it.
  static std::vector<std::string> tables(const Names& names) {
    std::vector<std::string> tables;
    for (const NamedDatabase& database : names.databases) {
      for (const NamedSchema& schema : database.schemas) {
        for (const NamedRelation& table : schema.relations) {
          tables.push_back(database.name + "." + table.name);
        }
      }
    }
    return tables;
  }

  Server server;
};

TEST_F(ServerNames, EachDatabaseIsAskedOnceAndTheSessionsOwnByItself) {
  const Names names = read();
  EXPECT_THAT(tables(names), ElementsAre("accounts.accounts", "billing.billing", "crm.crm",
                                         "shop.shop", "postgres.postgres"));
  EXPECT_THAT(names.databases, SizeIs(6)) << "template0 has a name, too";
  EXPECT_THAT(names.not_asked, IsEmpty());
  EXPECT_LE(server.most_open, 4) << "a server has sessions for others than us";
  EXPECT_EQ(server.open, 0);
}

// A role's CONNECTION LIMIT of two: the session that lists them is one.
TEST_F(ServerNames, WhereOneSessionMoreIsAllThereIsTheyAreAskedOneAfterAnother) {
  server.limit = 2;
  const Names names = read();
  EXPECT_THAT(tables(names), SizeIs(5));
  EXPECT_THAT(names.not_asked, IsEmpty());
  EXPECT_GT(server.refused, 0) << "none was tried before its turn";
}

TEST_F(ServerNames, OneThatCannotBeAskedIsNamedAndHidesNoOther) {
  for (const int limit : {100, 2}) {
    server.limit = limit;
    server.refuses = {"accounts", "crm"};
    const Names names = read();
    EXPECT_THAT(tables(names), ElementsAre("billing.billing", "shop.shop", "postgres.postgres"));
    EXPECT_THAT(names.not_asked, ElementsAre("accounts", "crm"));
    EXPECT_THAT(names.databases, SizeIs(6)) << "those have a name";
  }
}

TEST_F(ServerNames, AnErrorOfWhoTakesThemEndsIt) {
  const std::unique_ptr<pgconn::Connection> own = server.own_session();
  const Databases databases = list_databases(*own).value();
  int taken = 0;
  const auto outcome =
      visit_other_names(databases, server.connect_to(), [&](const NamedDatabase&) -> Result<void> {
        if (++taken < 3) return success();
        return make_error(ErrorKind::kNoSpace, "the repository is full");
      });
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().kind, ErrorKind::kNoSpace);
  EXPECT_EQ(taken, 3);
  EXPECT_EQ(server.open, 1) << "sessions begun before their turn have ended";
}

}  // namespace
}  // namespace walkback::catalog
