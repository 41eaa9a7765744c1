// A script as a file that psql and any client run: one transaction, in the order in which its
// statements are added.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "undo/on_conflict.h"
#include "undo/output_files.h"
#include "undo/script.h"

namespace walkback::undo {

// `file` outlives it, and is not finished by it.
class ScriptFile {
 public:
  explicit ScriptFile(OutputFile& file) : file_(file) {}

  // BEGIN, and all before the rows. `says` is a comment's first lines.
  Result<void> begin(std::string_view says, const Script& script);
  // One statement, without its semicolon.
  Result<void> add(std::string_view statement);
  Result<void> comment(std::string_view text);
  // After the rows: finds conflicts, gives back, and tells what it did.
  Result<void> give_back(const Script& script, OnConflict mode);
  // COMMIT.
  Result<void> end();

 private:
  Result<void> add_all(const Script::Statements& statements);

  OutputFile& file_;
};

}  // namespace walkback::undo
