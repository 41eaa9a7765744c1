#include "undo/sql_statements.h"

#include <cctype>

namespace walkback::undo {

namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

// src/backend/parser/scan.l: ident_cont; a dollar within a name begins no quote.
bool is_of_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool is_of_tag(char c) { return is_of_name(c) && c != '$'; }

}  // namespace

Result<void> StatementSplitter::feed(std::string_view text) {
  for (const char c : text) TRY(see(c));
  return success();
}

void StatementSplitter::begin_comment(In which) {
  back_ = in_;
  in_ = which;
  depth_ = 1;
}

// At the second dollar of "$tag$", which stands at the end of the statement.
bool StatementSplitter::see_dollar() {
  size_t at = statement_.size() - 1;
  while (at > 0 && is_of_tag(statement_[at - 1])) --at;
  if (at == 0 || statement_[at - 1] != '$') return false;
  if (at > 1 && is_of_name(statement_[at - 2])) return false;
  if (std::isdigit(static_cast<unsigned char>(statement_[at])) != 0) return false;  // $1
  tag_ = statement_.substr(at - 1);
  return true;
}

Result<void> StatementSplitter::see(char c) {
  const char last = last_;
  last_ = c;
  switch (in_) {
    case In::kCommand:
      if (c == '\n') in_ = In::kNothing;
      return success();
    case In::kLineComment:
      if (back_ != In::kNothing) statement_ += c;
      if (c == '\n') in_ = back_;
      return success();
    case In::kBlockComment:
      if (back_ != In::kNothing) statement_ += c;
      if (last == '/' && c == '*') {
        ++depth_;
        last_ = 0;
      } else if (last == '*' && c == '/') {
        last_ = 0;
        if (--depth_ == 0) in_ = back_;
      }
      return success();
    case In::kString:
    case In::kName:
      statement_ += c;
      // One that is doubled ends it and begins it again.
      if (c == (in_ == In::kString ? '\'' : '"')) in_ = In::kStatement;
      return success();
    case In::kEscapeString:
      statement_ += c;
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '\'') {
        in_ = In::kStatement;
      }
      return success();
    case In::kDollar:
      statement_ += c;
      if (c == '$' && statement_.ends_with(tag_)) in_ = In::kStatement;
      return success();
    case In::kNothing:
      if (is_space(c) || c == ';') return success();
      if (c == '\\') {
        in_ = In::kCommand;
        return success();
      }
      statement_.clear();
      parentheses_ = 0;
      in_ = In::kStatement;
      break;
    case In::kStatement:
      break;
  }
  if ((last == '-' && c == '-') || (last == '/' && c == '*')) {
    // The first half may have begun a statement.
    if (statement_.size() == 1) {
      statement_.clear();
      in_ = In::kNothing;
    } else {
      statement_ += c;
    }
    begin_comment(c == '-' ? In::kLineComment : In::kBlockComment);
    last_ = 0;
    return success();
  }
  if (c == ';' && parentheses_ <= 0) {
    in_ = In::kNothing;
    return take_(statement_);
  }
  statement_ += c;
  if (c == '(') ++parentheses_;
  if (c == ')') --parentheses_;
  if (c == '"') in_ = In::kName;
  if (c == '$' && see_dollar()) in_ = In::kDollar;
  if (c == '\'') {
    const size_t before = statement_.size() - 1;
    const bool is_escape =
        (last == 'E' || last == 'e') && (before < 2 || !is_of_name(statement_[before - 2]));
    if (last != '\'') string_ = is_escape ? In::kEscapeString : In::kString;
    in_ = string_;
    escaped_ = false;
  }
  return success();
}

Result<void> StatementSplitter::finish() {
  if (in_ == In::kNothing || in_ == In::kCommand) return success();
  if (in_ == In::kLineComment && back_ == In::kNothing) return success();
  return make_error(ErrorKind::kCorrupt, "the SQL ends within a statement");
}

std::string within_transaction(const std::string& statement) {
  if (statement == "SELECT pg_catalog.set_config('search_path', '', false)") {
    return "SET LOCAL search_path = ''";
  }
  if (statement.starts_with("SET ")) return "SET LOCAL " + statement.substr(4);
  return statement;
}

}  // namespace walkback::undo
