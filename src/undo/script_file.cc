#include "undo/script_file.h"

#include <fmt/format.h>

namespace walkback::undo {

Result<void> ScriptFile::begin(std::string_view says, const Script& script) {
  TRY(file_.write(fmt::format("-- {}\n\n{};\n\n", says, kBegin)));
  TRY(add_all(script.settings()));
  return add_all(script.make_tables());
}

Result<void> ScriptFile::add(std::string_view statement) {
  TRY(file_.write(statement));
  return file_.write(";\n\n");
}

Result<void> ScriptFile::comment(std::string_view text) {
  return file_.write(fmt::format("-- {}\n", text));
}

Result<void> ScriptFile::give_back(const Script& script, OnConflict mode) {
  TRY(add_all(script.find_conflicts(mode, /*locks=*/true)));
  if (mode == OnConflict::kFail) TRY(add_all(script.fail_on_conflict()));
  TRY(add_all(script.give_back()));
  return script.tables().empty() ? success() : add(script.report());
}

Result<void> ScriptFile::end() {
  return file_.write("SELECT pg_current_xact_id() AS xid;\n\nCOMMIT;\n");
}

Result<void> ScriptFile::add_all(const Script::Statements& statements) {
  for (const std::string& statement : statements) TRY(add(statement));
  return success();
}

}  // namespace walkback::undo
