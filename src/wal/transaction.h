// How transactions end: the bodies of COMMIT, ABORT, their two-phase forms, and PREPARE
// (src/include/access/xact.h; ParseCommitRecord and its neighbours in
// src/backend/access/rmgrdesc/xactdesc.c).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "pg/types.h"
#include "wal/packed.h"
#include "wal/record.h"

namespace walkback::wal {

// Where a replicated transaction came from. 16 bytes.
struct TransactionOrigin {
  pg::Lsn lsn;
  int64_t pg_time = 0;  // PostgreSQL's TimestampTz
};

// Views the record it was parsed from.
struct TransactionEnd {
  bool committed = false;
  bool two_phase = false;  // COMMIT PREPARED or ROLLBACK PREPARED
  pg::Xid xid = 0;         // of the transaction: for a two-phase one the body's, not the record's
  Timestamp time;
  uint32_t xinfo = 0;
  pg::Oid database = 0;  // 0 where the record does not say
  pg::Oid tablespace = 0;
  Packed<pg::Xid> subxids;
  Packed<RelationLocator> dropped;  // files that go with it: dropped, truncated or rewritten by a
                                    // commit, created by an abort
  std::string_view gid;             // of a prepared transaction; empty below wal_level logical
  std::optional<TransactionOrigin> origin;
};

// A transaction that waits for its COMMIT PREPARED. Views the record.
struct TransactionPrepare {
  pg::Xid xid = 0;
  Timestamp time;
  pg::Oid database = 0;
  pg::Oid owner = 0;
  std::string_view gid;
  Packed<pg::Xid> subxids;
  Packed<RelationLocator> dropped_at_commit;
  Packed<RelationLocator> dropped_at_abort;
};

// Subtransactions of one that has many of them, which all stand in no other record until it ends.
// Views the record.
struct TransactionAssignment {
  pg::Xid top = 0;
  Packed<pg::Xid> subxids;
};

// `main_data` of a record of the Transaction resource manager with this info. kCorrupt when a byte
// is missing or left over: then a layout is not what this program takes it for.
Result<TransactionEnd> parse_transaction_end(ByteView main_data, uint8_t info, pg::Xid record_xid,
                                             int major);
Result<TransactionPrepare> parse_transaction_prepare(ByteView main_data, int major);
Result<TransactionAssignment> parse_transaction_assignment(ByteView main_data);

}  // namespace walkback::wal
