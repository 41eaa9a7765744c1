// Resource managers and the kinds of their records that this program looks into
// (src/include/access/rmgrlist.h and the *_xlog.h headers; the same from 13 to 18 unless said).
#pragma once

#include <cstdint>
#include <string>

namespace walkback::wal {

// Resource managers.
constexpr uint8_t kXlogRmgr = 0;
constexpr uint8_t kTransactionRmgr = 1;
constexpr uint8_t kStorageRmgr = 2;  // Storage: relation files
constexpr uint8_t kDatabaseRmgr = 4;
constexpr uint8_t kTablespaceRmgr = 5;
constexpr uint8_t kRelationMapRmgr = 7;  // RelMap: pg_filenode.map
constexpr uint8_t kStandbyRmgr = 8;
constexpr uint8_t kHeap2Rmgr = 9;
constexpr uint8_t kHeapRmgr = 10;
constexpr uint8_t kBtreeRmgr = 11;
constexpr uint8_t kLastBuiltInRmgr = 21;   // LogicalMessage
constexpr uint8_t kFirstCustomRmgr = 128;  // since 15

// The high half of xl_info of each; the low half belongs to the WAL machinery.
constexpr uint8_t kXlogCheckpointShutdown = 0x00;
constexpr uint8_t kXlogCheckpointOnline = 0x10;
constexpr uint8_t kXlogSwitch = 0x40;
constexpr uint8_t kXlogBackupEnd = 0x50;
constexpr uint8_t kXlogParameterChange = 0x60;
constexpr uint8_t kXlogRestorePoint = 0x70;
constexpr uint8_t kXlogFullPageWrites = 0x80;
constexpr uint8_t kXlogEndOfRecovery = 0x90;
constexpr uint8_t kXlogFullPageImageForHint = 0xA0;
constexpr uint8_t kXlogFullPageImage = 0xB0;
constexpr uint8_t kXlogOverwriteContrecord = 0xD0;
constexpr uint8_t kXlogCheckpointRedo = 0xE0;  // since 17

constexpr uint8_t kTransactionMask = 0x70;  // 0x80 says that xinfo follows
constexpr uint8_t kTransactionHasInfo = 0x80;
constexpr uint8_t kCommit = 0x00;
constexpr uint8_t kPrepare = 0x10;
constexpr uint8_t kAbort = 0x20;
constexpr uint8_t kCommitPrepared = 0x30;
constexpr uint8_t kAbortPrepared = 0x40;
constexpr uint8_t kAssignment = 0x50;
constexpr uint8_t kInvalidations = 0x60;  // since 14

constexpr uint8_t kStorageCreate = 0x10;
constexpr uint8_t kStorageTruncate = 0x20;

constexpr uint8_t kTablespaceCreate = 0x00;
constexpr uint8_t kTablespaceDrop = 0x10;

constexpr uint8_t kRunningTransactions = 0x10;

constexpr uint8_t kHeapMask = 0x70;  // 0x80 says that the page was made anew
constexpr uint8_t kHeapInsert = 0x00;
constexpr uint8_t kHeapDelete = 0x10;
constexpr uint8_t kHeapUpdate = 0x20;
constexpr uint8_t kHeapHotUpdate = 0x40;
constexpr uint8_t kHeapInplace = 0x70;
constexpr uint8_t kHeap2MultiInsert = 0x50;

constexpr uint8_t kBtreeMask = 0xF0;
constexpr uint8_t kBtreeInsertLeaf = 0x00;
constexpr uint8_t kBtreeSplitLeft = 0x30;      // the new entry is on the left one of the pages
constexpr uint8_t kBtreeSplitRight = 0x40;     // on the right one
constexpr uint8_t kBtreeInsertPosting = 0x50;  // into the middle of a posting list

// A known resource manager of that major version.
bool is_rmgr(uint8_t rmgr, int major);

// As pg_waldump prints it: "Heap", "Transaction"; "custom128" for an extension's.
std::string rmgr_name(uint8_t rmgr);

}  // namespace walkback::wal
