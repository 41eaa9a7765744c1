#include "pgconn/lock_watch.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "pgconn/values.h"

namespace walkback::pgconn {

namespace {

constexpr std::chrono::seconds kBetweenLooks{1};

// pg_blocking_pids() has 0 for a prepared transaction (src/backend/utils/adt/lockfuncs.c), which is
// nobody's process.
constexpr std::string_view kHolders =
    "SELECT holder.pid, CASE WHEN holder.pid = 0"
    "  THEN 'a prepared transaction: pg_prepared_xacts lists them'"
    "  ELSE format('process %s%s%s%s', holder.pid,"
    "   ' of ' || a.usename, ', ' || nullif(a.application_name, ''),"
    "   ', whose transaction began ' ||"
    "    date_trunc('second', clock_timestamp() - a.xact_start)::text || ' ago: ' ||"
    "    left(regexp_replace(a.query, '\\s+', ' ', 'g'), 120)) END"
    " FROM (SELECT DISTINCT unnest(pg_blocking_pids($1::int)) AS pid) AS holder"
    " LEFT JOIN pg_stat_activity a ON a.pid = holder.pid ORDER BY a.xact_start, holder.pid";

}  // namespace

LockWatch::LockWatch(Connect connect, int backend, Progress& progress, std::stop_token stop)
    : connect_(std::move(connect)),
      backend_(backend),
      progress_(progress),
      stop_(std::move(stop)),
      thread_([this](const std::stop_token& over) { run(over); }) {}

LockWatch::~LockWatch() = default;

void LockWatch::run(const std::stop_token& over) {
  const std::stop_callback asked(stop_, [this] {
    const std::lock_guard lock(mutex_);
    wake_.notify_all();
  });
  std::unique_lock lock(mutex_);
  while (!over.stop_requested()) {
    (void)wake_.wait_for(lock, over, kBetweenLooks, [this] { return stop_.stop_requested(); });
    if (over.stop_requested()) return;
    lock.unlock();
    look();
    lock.lock();
    if (!stop_.stop_requested()) continue;
    // Between two statements there is nothing to cancel: the next one is.
    (void)wake_.wait_for(lock, over, kBetweenLooks, [] { return false; });
  }
}

Connection* LockWatch::session() {
  if (session_ && session_->alive()) return session_.get();
  Result<std::unique_ptr<Connection>> made = connect_();
  session_ = made.ok() ? std::move(made).value() : nullptr;
  return session_.get();
}

void LockWatch::look() {
  Connection* const session = this->session();
  if (session == nullptr) return;
  const std::string backend = std::to_string(backend_);
  if (stop_.stop_requested()) {
    (void)session->query("SELECT pg_cancel_backend($1::int)", {backend});
    return;
  }
  const Result<Table> holders = session->query(kHolders, {backend});
  if (!holders.ok()) return;
  for (const Row& row : holders->rows) {
    if (!said_.insert(text(row[0])).second) continue;
    progress_.note("waiting for a lock of " + text(row[1]));
  }
}

}  // namespace walkback::pgconn
