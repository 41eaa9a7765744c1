// Reads what a transaction wrote from the archived WAL: only the segments in which their indexes
// say it wrote.
#pragma once

#include <stop_token>

#include "base/result.h"
#include "catalog/wal_archive.h"
#include "catalog/wal_chain.h"
#include "pg/types.h"
#include "undo/row_changes.h"

namespace walkback::undo {

struct TransactionWal {
  RowChanges changes;
  pg::Lsn commit_end;  // of the record of its commit
};

// `commit` is where the record of its COMMIT or COMMIT PREPARED starts. kMissing where WAL in which
// it may have written is not in the archive, or cannot be read: a part of what it did is not undone
// as if it were all.
Result<TransactionWal> read_transaction_wal(const catalog::WalArchive& archive,
                                            const catalog::WalChain& chain, pg::Lsn commit,
                                            std::stop_token stop);

}  // namespace walkback::undo
