#include "pgconn/lock_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "pgconn/testing/scratch_cluster.h"
#include "pgconn/values.h"

namespace walkback::pgconn {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ScratchCluster;

// Notes as they come; the first asks for `on_note`.
class Notes final : public Progress {
 public:
  explicit Notes(std::function<void()> on_note) : on_note_(std::move(on_note)) {}
  void begin(std::string_view, uint64_t) override {}
  void add_bytes(uint64_t) override {}
  void detail(std::string_view) override {}
  void note(std::string_view line) override {
    lines_.emplace_back(line);
    on_note_();
  }
  // Once the watch is over.
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  const std::function<void()> on_note_;
  std::vector<std::string> lines_;
};

class LockWatchTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    cluster_ = std::make_unique<ScratchCluster>();
    cluster_->configure("max_prepared_transactions = 1\n");
    cluster_->start();
    ASSERT_TRUE(cluster_->connect()->query("CREATE TABLE public.t (id int)").ok());
  }
  static void TearDownTestSuite() { cluster_.reset(); }

  static std::unique_ptr<Connection> connect() { return cluster_->connect(); }
  static int backend_of(Connection& session) {
    return number<int>(*query_text(session, "SELECT pg_backend_pid()"));
  }
  static void run(Connection& session, std::string_view sql) {
    const Result<Table> done = session.query(sql);
    ASSERT_TRUE(done.ok()) << done.error().message;
  }

  std::unique_ptr<Connection> holder_ = connect();
  std::unique_ptr<Connection> waiter_ = connect();

 private:
  static inline std::unique_ptr<ScratchCluster> cluster_;
};

TEST_F(LockWatchTest, WhoHoldsTheLockIsSaidOnce) {
  run(*holder_, "BEGIN");
  run(*holder_, "LOCK TABLE public.t");
  const int holds = backend_of(*holder_);
  Notes notes([] {});
  {
    std::jthread releases([this] {
      std::this_thread::sleep_for(std::chrono::milliseconds(3500));
      (void)holder_->query("COMMIT");
    });
    const LockWatch watch([] { return Result<std::unique_ptr<Connection>>(connect()); },
                          backend_of(*waiter_), notes, {});
    run(*waiter_, "SELECT count(*) FROM public.t");
  }
  EXPECT_THAT(
      notes.lines(),
      ElementsAre(AllOf(HasSubstr("waiting for a lock of process " + std::to_string(holds)),
                        HasSubstr("whose transaction began "), HasSubstr("pg_backend_pid"))));
}

TEST_F(LockWatchTest, APreparedTransactionIsNobodysProcess) {
  run(*holder_, "BEGIN");
  run(*holder_, "LOCK TABLE public.t");
  run(*holder_, "PREPARE TRANSACTION 'held'");
  Notes notes([this] { (void)holder_->query("ROLLBACK PREPARED 'held'"); });
  {
    const LockWatch watch([] { return Result<std::unique_ptr<Connection>>(connect()); },
                          backend_of(*waiter_), notes, {});
    run(*waiter_, "SELECT count(*) FROM public.t");
  }
  EXPECT_THAT(notes.lines(), ElementsAre(HasSubstr("a prepared transaction: pg_prepared_xacts")));
}

TEST_F(LockWatchTest, WhoStopsIsHeardWhileAStatementWaits) {
  run(*holder_, "BEGIN");
  run(*holder_, "LOCK TABLE public.t");
  std::stop_source stop;
  Notes notes([&stop] { stop.request_stop(); });
  {
    const LockWatch watch([] { return Result<std::unique_ptr<Connection>>(connect()); },
                          backend_of(*waiter_), notes, stop.get_token());
    const Result<Table> waited = waiter_->query("SELECT count(*) FROM public.t");
    ASSERT_FALSE(waited.ok());
    EXPECT_THAT(waited.error().message, HasSubstr("57014"));  // query_canceled
  }
  run(*waiter_, "SELECT 1");
}

TEST_F(LockWatchTest, WithoutASessionOfItsOwnItSaysNothing) {
  Notes notes([] {});
  {
    const LockWatch watch(
        []() -> Result<std::unique_ptr<Connection>> {
          return make_error(ErrorKind::kTransient, "too many clients already");
        },
        backend_of(*waiter_), notes, {});
    run(*waiter_, "SELECT pg_sleep(1.5)");
  }
  EXPECT_THAT(notes.lines(), IsEmpty());
}

}  // namespace
}  // namespace walkback::pgconn
