// The JSON of find; json.cc has the rules.
#include "base/json.h"
#include "base/time_text.h"
#include "cli/find_text.h"
#include "cli/or_null.h"
#include "undo/choice.h"

namespace walkback::cli {

namespace {

using find::FileFate;
using find::FindReport;
using find::FoundTable;
using find::FoundWork;
using find::Outcome;
constexpr size_t kColumns = 240;

std::string_view outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kCommitted:
      return "committed";
    case Outcome::kRolledBack:
      return "rolled back";
    case Outcome::kPrepared:
      return "prepared";
    case Outcome::kInterrupted:
      return "interrupted";
    case Outcome::kUnfinished:
      break;
  }
  return "unfinished";
}

Json json_of(const std::vector<find::SchemaAndName>& names) {
  Json json = Json::array();
  for (const find::SchemaAndName& name : names) {
    json.push_back({{"schema", name.schema}, {"table", name.name}});
  }
  return json;
}

std::string_view reach_name(find::Reach reach) {
  switch (reach) {
    case find::Reach::kReachable:
      return "reachable";
    case find::Reach::kBeforeBackups:
      return "before the first backup";
    case find::Reach::kBehindGap:
      break;
  }
  return "behind a gap";
}

Json json_of(const FoundTable& table) {
  const bool named = table.name.has_value();
  return {{"database", named ? Json(table.name->database) : Json(nullptr)},
          {"schema", named ? Json(table.name->schema) : Json(nullptr)},
          {"table", named ? Json(table.name->name) : Json(nullptr)},
          {"also", named ? json_of(table.name->also) : Json::array()},
          {"partition_of", named ? json_of(table.name->partition_of) : Json::array()},
          {"materialized_view", named && table.name->kind == 'm'},
          {"file",
           {{"tablespace", table.file.tablespace},
            {"database", table.file.database},
            {"number", table.file.number}}},
          {"inserted", table.rows.inserted},
          {"updated", table.rows.updated},
          {"deleted", table.rows.deleted},
          {"truncated", table.fate == FileFate::kTruncated},
          {"dropped", table.fate == FileFate::kDropped},
          {"rewritten", find::is_rewrite(table.fate)},
          {"columns_changed", table.fate == FileFate::kAltered},
          {"created", table.fate == FileFate::kCreated},
          {"rows_gone", table.rows_gone >= 0 ? Json(table.rows_gone) : Json(nullptr)}};
}

Json json_of(const FoundWork& work) {
  const find::FoundTransaction& transaction = work.transaction;
  const bool committed = transaction.outcome == Outcome::kCommitted;
  Json json = {
      {"xid", transaction.xid},
      {"outcome", outcome_name(transaction.outcome)},
      {"committed", committed},
      {"began_at", time_or_null(transaction.began_at)},
      {"may_be_more", transaction.may_be_more},
      {"work_unseen", transaction.work_unseen},
      {"log_goes_on", transaction.log_goes_on},
      {"committed_at", committed ? time_or_null(transaction.ended_at) : Json(nullptr)},
      {"ended_at", time_or_null(transaction.ended_at)},
      {"prepared_at", time_or_null(transaction.prepared_at)},
      {"interrupted_after", time_or_null(transaction.interrupted_after)},
      {"savepoints_of",
       transaction.savepoints_of ? Json(*transaction.savepoints_of) : Json(nullptr)},
      {"savepoints", transaction.savepoints},
      {"recoverable", work.is_recoverable()},
      {"before_it", reach_name(work.reach)},
      {"undoable", undo::can_give_back(work)},
      {"lsn", transaction.lsn ? Json(transaction.lsn.text()) : Json(nullptr)},
      {"subtransactions", transaction.subtransactions},
      {"gid", transaction.gid.empty() ? Json(nullptr) : Json(transaction.gid)},
      {"databases_dropped", work.databases_dropped},
  };
  Json& tables = json["tables"] = Json::array();
  for (const FoundTable& table : work.tables) tables.push_back(json_of(table));
  return json;
}

}  // namespace

std::string find_json(const FindReport& report) {
  Json json = {{"timeline", report.timeline.value},
               {"since", to_iso_utc(report.since)},
               {"until", to_iso_utc(report.until)},
               {"first_at", time_or_null(report.first)},
               {"last_at", time_or_null(report.last)},
               {"archive_first_at", time_or_null(report.archive_first)},
               {"archive_last_at", time_or_null(report.archive_last)}};
  Json& transactions = json["transactions"] = Json::array();
  for (const auto* works : {&report.found, &report.others}) {
    for (const FoundWork& work : *works) transactions.push_back(json_of(work));
  }
  json["more"] = report.more;
  const find::TransactionSearch::Tally& tally = report.tally;
  json["asked_for"] = {{"transactions", tally.transactions},
                       {"inserted", tally.sum.rows.inserted},
                       {"updated", tally.sum.rows.updated},
                       {"deleted", tally.sum.rows.deleted},
                       {"rows_gone", tally.sum.gone},
                       {"first_xid", tally.first_at ? Json(tally.first_xid) : Json(nullptr)},
                       {"first_at", time_or_null(tally.first_at)},
                       {"last_at", time_or_null(tally.last_at)}};
  json["table_is_known"] = report.table_is_known;
  if (const auto& nearest = report.nearest_table) {
    json["nearest_table"] = {
        {"database", nearest->database}, {"schema", nearest->schema}, {"name", nearest->name}};
  }
  json["totals"] = {{"committed", report.totals.committed},
                    {"rolled_back", report.totals.rolled_back},
                    {"inserted", report.totals.inserted},
                    {"updated", report.totals.updated},
                    {"deleted", report.totals.deleted}};
  Json& histogram = json["rows_changed"] = Json::array();
  for (const auto& column : report.histogram.columns(kColumns)) {
    histogram.push_back({{"from", to_iso_utc(column.begin)},
                         {"taken", column.rows.taken},
                         {"added", column.rows.added}});
  }
  json["segments"] = report.segments;
  Json& unknown = json["unknown"] = Json::array();
  for (const find::Unknown& stretch : report.unknown) {
    unknown.push_back(
        {{"what", stretch.what}, {"from_lsn", stretch.from.text()}, {"to_lsn", stretch.to.text()}});
  }
  return to_text(json);
}

}  // namespace walkback::cli
