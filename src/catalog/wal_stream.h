// The records of a stretch of archived WAL, in LSN order.
//
// Segments are fetched and decompressed on threads of their own, ahead of the reading. Memory: four
// segments, and as they are stored two.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>

#include "base/result.h"
#include "catalog/wal_archive.h"
#include "catalog/wal_chain.h"
#include "pg/types.h"
#include "wal/record_reader.h"

namespace walkback::catalog {

struct WalEnd {
  pg::Lsn end;          // where the next record would begin
  pg::Lsn last_record;  // start of the last one read; 0/0 when there was none
  // What stopped the reading before the end of the stretch, such as a damaged segment.
  std::optional<Error> problem;
};

// Gives every record that lies in [from, to) to `visit`, which returns false to end early. `to` is
// at most where the chain has its first hole. A segment that cannot be read ends the stretch: it is
// the problem in WalEnd, not an error, because what lies before it is good. Errors are for a
// repository that cannot be reached.
using RecordVisitor = std::function<bool(const wal::Record&)>;
Result<WalEnd> read_wal(const WalArchive& archive, const WalChain& chain, pg::Lsn from, pg::Lsn to,
                        std::stop_token stop, const RecordVisitor& visit);

// The same for the records that an index keeps (wal::KeptRecord, wal::PlainEnd) alone, from the
// indexes where they say all of a segment, so that no segment is fetched: `visit` is given others
// too where one has to be. A segment that no key at hand opens is no hindrance where its index is
// whole.
Result<WalEnd> read_events(const WalArchive& archive, const WalChain& chain, pg::Lsn from,
                           pg::Lsn to, std::stop_token stop, const RecordVisitor& visit);

}  // namespace walkback::catalog
