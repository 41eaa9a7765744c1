// The words of one line of postgresql.conf, as the scanner in src/backend/utils/misc/guc-file.l
// divides it.
#pragma once

#include <string>
#include <string_view>

namespace walkback::pg {

struct SettingToken {
  enum Kind {
    kEnd,            // of the line, or a comment
    kName,           // shared_buffers; as a value: on
    kQualifiedName,  // extension.setting; not a value
    kEquals,
    kQuoted,    // with its quotes
    kUnquoted,  // 10MB, -1.5, /not/this, replica-1: a value only
    kBad,
  };
  Kind kind = kEnd;
  std::string_view text;
};

// Views the line, which must outlive it.
class SettingScanner {
 public:
  explicit SettingScanner(std::string_view line) : rest_(line) {}
  SettingToken next();

 private:
  SettingToken take(SettingToken::Kind kind, size_t length);
  SettingToken quoted();
  SettingToken number();
  SettingToken word();

  std::string_view rest_;
};

// What a quoted token means: '' is a quote, \b \f \n \r \t and \ooo as in C, any other escaped
// character itself (DeescapeQuotedString).
std::string unquote_setting(std::string_view quoted);

}  // namespace walkback::pg
