// A plain pg_dump as the statements it is made of, so that they can be run one by one, without
// psql. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace walkback::undo {

// Comments between statements and psql's own commands (\restrict, which newer pg_dumps write) are
// left out; what stands within a statement stays as it is. Semicolons in quotes, dollar quotes,
// comments and parentheses end nothing.
class StatementSplitter {
 public:
  using Take = std::function<Result<void>(const std::string& statement)>;
  explicit StatementSplitter(Take take) : take_(std::move(take)) {}

  // The next piece of the text, cut anywhere.
  Result<void> feed(std::string_view text);
  // kCorrupt when the text ended within a statement.
  Result<void> finish();

 private:
  enum class In {
    kNothing,  // between statements
    kStatement,
    kLineComment,
    kBlockComment,
    kString,
    kEscapeString,  // E'…', in which a backslash takes the next character
    kName,
    kDollar,
    kCommand,  // of psql: to the end of the line
  };

  Result<void> see(char c);
  void begin_comment(In which);
  bool see_dollar();

  const Take take_;
  In in_ = In::kNothing;
  In back_ = In::kNothing;    // behind a comment
  In string_ = In::kNothing;  // the last one: 'a''b' goes on as it began
  int depth_ = 0;             // of block comments
  int parentheses_ = 0;
  bool escaped_ = false;
  char last_ = 0;    // the one before, where it may be half of a token
  std::string tag_;  // "$tag$"
  std::string statement_;
};

// A statement of pg_dump for a transaction of ours: what it sets ends with that.
std::string within_transaction(const std::string& statement);

}  // namespace walkback::undo
