// A record as a line of text, in words that can also be derived from pg_waldump's: the measure for
// what we decode. Used by wal_dump and by the golden test.
//
//   RMGR LENGTH_WITHOUT_IMAGES/TOTAL XID LSN PREV [#ID:SPACE/DB/REL:FORK:BLOCK[:FPW]]… [EVENT]
#pragma once

#include <string>

#include "base/result.h"
#include "wal/record.h"
#include "wal/timed_event.h"

namespace walkback::wal {

class RecordText {
 public:
  explicit RecordText(int major) : major_(major), events_(major) {}
  // An error when the record or its event cannot be read.
  Result<std::string> of(const Record& record);

 private:
  int major_;
  TimedEvents events_;
  DecodedRecord decoded_;
};

}  // namespace walkback::wal
