#include "backup/names_reading.h"

#include <fmt/format.h>

#include <utility>

namespace walkback::backup {

NamesReading::NamesReading(pgconn::Connection& connection, const catalog::ConnectTo& connect_to,
                           store::ObjectStore& objects, store::ObjectKey key, Progress& progress)
    : connection_(connection),
      connect_to_(connect_to),
      objects_(objects),
      key_(std::move(key)),
      progress_(progress),
      databases_(catalog::list_databases(connection)) {
  if (databases_.ok()) {
    others_ = std::async(std::launch::async, [this] { return read_others(); });
  }
}

Result<void> NamesReading::read_others() {
  writer_ = TRY(catalog::create_names(objects_, key_));
  const std::vector<std::string> not_asked = TRY(catalog::visit_other_names(
      *databases_, connect_to_,
      [this](const catalog::NamedDatabase& piece) { return writer_->add(piece); }));
  for (const std::string& database : not_asked) TRY(writer_->add_not_asked(database));
  if (!not_asked.empty()) {
    progress_.note(
        fmt::format("the names of tables in {} are not saved with this backup: there "
                    "is no connecting to it as the user in postgresql.conninfo",
                    fmt::join(not_asked, ", ")));
  }
  return success();
}

Result<std::unique_ptr<catalog::NamesWriter>> NamesReading::finish() {
  if (!databases_.ok()) {
    note_none(databases_.error());
    return std::unique_ptr<catalog::NamesWriter>();
  }
  TRY(others_.get());
  Result<void> written = success();
  const Result<void> asked = catalog::visit_own_names(
      databases_->own, connection_,
      [&](const catalog::NamedDatabase& piece) { return written = writer_->add(piece); });
  TRY(std::move(written));
  if (!asked.ok()) {
    note_none(asked.error());
    writer_.reset();
  }
  return std::move(writer_);
}

void NamesReading::note_none(const Error& error) {
  progress_.note("the names of tables are not saved with this backup: " + error.message);
}

}  // namespace walkback::backup
