#include "drill/sql_checks.h"

#include <fmt/format.h>

#include <algorithm>

namespace walkback::drill {

namespace {

constexpr const char* kTrue = "t";

std::string shown(const pgconn::Value& value) { return value ? *value : "NULL"; }

// RESET: search_path is what the role and the database say, as the user would find it.
Result<pgconn::Table> answer_of(const SqlCheck& check, int timeout_s, const Connect& connect) {
  const std::unique_ptr<pgconn::Connection> session = TRY(connect(check.database));
  TRY(session->query("RESET search_path"));
  TRY(session->query("SET default_transaction_read_only = on"));
  TRY(session->query(fmt::format("SET statement_timeout = '{}s'", timeout_s)));
  return session->query(check.sql);
}

}  // namespace

CheckedAnswer judge(const SqlCheck& check, const Result<pgconn::Table>& answer) {
  CheckedAnswer judged{check.name, check.database, check.expect.value_or(kTrue), {}, false};
  if (!answer.ok()) {
    judged.found = answer.error().message;
    return judged;
  }
  if (answer->rows.size() != 1 || answer->columns.size() != 1) {
    judged.found = fmt::format("{} rows of {} columns instead of one value", answer->rows.size(),
                               answer->columns.size());
    return judged;
  }
  const pgconn::Value& value = answer->rows.front().at(0);
  judged.found = shown(value);
  judged.as_expected = value && *value == judged.expected;
  return judged;
}

Result<std::vector<CheckedAnswer>> ask(const std::vector<SqlCheck>& checks, int timeout_s,
                                       const Connect& connect, const std::stop_token& stop) {
  std::vector<CheckedAnswer> answers;
  for (const SqlCheck& check : checks) {
    if (stop.stop_requested()) {
      return make_error(ErrorKind::kCancelled, "interrupted while the copy was asked");
    }
    answers.push_back(judge(check, answer_of(check, timeout_s, connect)));
  }
  return answers;
}

Proof checks_proof(const std::vector<CheckedAnswer>& answers) {
  constexpr const char* kName = "checks";
  if (answers.empty()) return not_proved(kName, "none are configured ([[drill.checks]])");
  const auto wrong = std::ranges::count(answers, false, &CheckedAnswer::as_expected);
  if (wrong == 0) return proved(kName, fmt::format("{} answered as expected", answers.size()));
  Proof proof =
      failed(kName, fmt::format("{} of {} were not answered as expected", wrong, answers.size()));
  for (const CheckedAnswer& answer : answers) {
    if (answer.as_expected) continue;
    add_detail(proof, fmt::format("{} (database {}): found {}, expected {}", answer.name,
                                  answer.database, answer.found, answer.expected));
  }
  return proof;
}

}  // namespace walkback::drill
