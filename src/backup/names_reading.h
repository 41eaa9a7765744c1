// The names that are saved with a backup: what its server called everything when it began.
#pragma once

#include <future>
#include <memory>

#include "base/progress.h"
#include "base/result.h"
#include "catalog/names.h"
#include "catalog/server_names.h"
#include "pgconn/connection.h"
#include "store/object_store.h"

namespace walkback::backup {

// Sessions with the other databases are begun at once and go on beside the caller; destroyed, it
// waits for them. A backup without names is a backup: WAL then speaks in numbers of what is dropped
// later, and `progress` is told of what is not saved.
class NamesReading {
 public:
  // All of them outlive it.
  NamesReading(pgconn::Connection& connection, const catalog::ConnectTo& connect_to,
               store::ObjectStore& objects, store::ObjectKey key, Progress& progress);
  NamesReading(const NamesReading&) = delete;
  NamesReading& operator=(const NamesReading&) = delete;

  // To be finished with the backup; nothing where there are none. An error is one of the
  // repository.
  Result<std::unique_ptr<catalog::NamesWriter>> finish();

 private:
  Result<void> read_others();
  void note_none(const Error& error);

  pgconn::Connection& connection_;
  const catalog::ConnectTo& connect_to_;
  store::ObjectStore& objects_;
  const store::ObjectKey key_;
  Progress& progress_;
  Result<catalog::Databases> databases_;
  std::unique_ptr<catalog::NamesWriter> writer_;
  std::future<Result<void>> others_;  // the last: all above is there until it has ended
};

}  // namespace walkback::backup
