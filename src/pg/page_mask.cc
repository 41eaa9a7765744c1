#include "pg/page_mask.h"

#include <algorithm>
#include <cstring>

#include "pg/page.h"

namespace walkback::pg {
namespace {

// PageHeaderData, src/include/storage/bufpage.h.
constexpr size_t kChecksumAt = 8;
constexpr size_t kFlagsAt = 10;
constexpr size_t kLowerAt = 12;
constexpr size_t kUpperAt = 14;
constexpr size_t kSpecialAt = 16;
constexpr size_t kPruneXidAt = 20;
constexpr size_t kHeaderBytes = 24;
// PD_HAS_FREE_LINES, PD_PAGE_FULL, PD_ALL_VISIBLE: all that there are.
constexpr uint16_t kHintFlags = 0x0007;

// ItemIdData, src/include/storage/itemid.h: offset 15 bits, flags 2, length 15.
constexpr size_t kLineBytes = 4;
constexpr uint32_t kLineFlags = 0x3u << 15;
constexpr uint32_t kNormalLine = 0x1u << 15;

// HeapTupleHeaderData, src/include/access/htup_details.h.
constexpr size_t kTupleHeaderBytes = 23;
constexpr size_t kCommandIdAt = 8;
constexpr size_t kCtidAt = 12;
constexpr size_t kInfomaskAt = 20;
constexpr uint16_t kComboCid = 0x0020;
constexpr uint16_t kXminFrozen = 0x0300;        // HEAP_XMIN_COMMITTED and HEAP_XMIN_INVALID
constexpr uint16_t kXmaxHints = 0x0C00;         // HEAP_XMAX_COMMITTED, HEAP_XMAX_INVALID
constexpr uint16_t kSpeculativeToken = 0xFFFE;  // SpecTokenOffsetNumber, as ip_posid

class MaskedPage {
 public:
  explicit MaskedPage(MutableBytes page)
      : page_(page),
        lower_(get<uint16_t>(kLowerAt)),
        upper_(get<uint16_t>(kUpperAt)),
        special_(get<uint16_t>(kSpecialAt)) {}

  void mask() {
    const bool was_logged = get<uint64_t>(0) != 0;
    put<uint64_t>(0, 0);  // the LSN
    put<uint16_t>(kChecksumAt, 0);
    // Not a page as PostgreSQL lays them out: all zeros, or damaged.
    if (lower_ < kHeaderBytes || lower_ > upper_ || upper_ > special_ || special_ > kPageBytes) {
      return;
    }
    // A page added to a table is laid out before its first row is logged
    // (RelationGetBufferForTuple() in src/backend/access/heap/hio.c); if it then gets none, zeros
    // have become this.
    if (!was_logged && lower_ == kHeaderBytes && upper_ == special_) return zero(0, kPageBytes);
    clear<uint16_t>(kFlagsAt, kHintFlags);
    put<uint32_t>(kPruneXidAt, 0);
    const size_t opaque_bytes = kPageBytes - special_;
    if (opaque_bytes == 0) {
      mask_tuples();
    } else if (opaque_bytes == 16) {
      mask_tree_page();
    } else if (opaque_bytes == 8) {
      mask_other_page();
    }
    mask_unused_space();
  }

 private:
  template <typename T>
  T get(size_t at) const {
    return load<T>(page_, at);
  }
  template <typename T>
  void put(size_t at, T value) {
    std::memcpy(page_.data() + at, &value, sizeof value);
  }
  template <typename T>
  void clear(size_t at, T bits) {
    put<T>(at, static_cast<T>(get<T>(at) & ~bits));
  }
  void zero(size_t from, size_t to) { std::memset(page_.data() + from, 0, to - from); }

  // Behind a pd_lower that was never set there is content: BRIN's range map, and metapages.
  void mask_unused_space() {
    const bool is_set = kPageBytes - special_ != 8 || lower_ > kHeaderBytes;
    if (is_set) zero(lower_, upper_);
  }
  // Of pages that replay makes anew and the primary only marks.
  void mask_content() { zero(kLowerAt, kPageBytes); }

  void mask_line_flags() {
    for (size_t at = kHeaderBytes; at + kLineBytes <= lower_; at += kLineBytes) {
      clear<uint32_t>(at, kLineFlags);
    }
  }

  void mask_tuples() {
    for (size_t at = kHeaderBytes; at + kLineBytes <= lower_; at += kLineBytes) {
      const auto line = get<uint32_t>(at);
      const size_t tuple = line & 0x7FFF;
      const size_t length = line >> 17;
      if (length == 0 || tuple < upper_ || tuple + length > special_) continue;
      if ((line & kLineFlags) == kNormalLine && length >= kTupleHeaderBytes) mask_tuple(tuple);
      // Tuples begin at multiples of 8; what fills them up is whatever lay there.
      zero(tuple + length, std::min<size_t>((tuple + length + 7) / 8 * 8, special_));
    }
  }

  void mask_tuple(size_t tuple) {
    // That a tuple is frozen is logged; that its transaction committed or not is in pg_xact.
    const auto infomask = get<uint16_t>(tuple + kInfomaskAt);
    const bool frozen = (infomask & kXminFrozen) == kXminFrozen;
    clear<uint16_t>(tuple + kInfomaskAt, kXmaxHints | kComboCid);
    if (!frozen) clear<uint16_t>(tuple + kInfomaskAt, kXminFrozen);
    // Replay sets the first command's (heap_xlog_insert()).
    put<uint32_t>(tuple + kCommandIdAt, 0);
    if (get<uint16_t>(tuple + kCtidAt + 4) == kSpeculativeToken) {
      zero(tuple + kCtidAt, tuple + kCtidAt + 6);
    }
  }

  // B-tree, hash and GiST have 16 bytes, of which the last two say which.
  void mask_tree_page() {
    constexpr uint16_t kHashPage = 0xFF80, kGistPage = 0xFF81;
    const size_t flags_at = special_ + 12;
    const auto flags = get<uint16_t>(flags_at);
    const auto id = get<uint16_t>(special_ + 14);
    if (id == kHashPage) {
      constexpr uint16_t kType = 0x000F, kOverflowOrBucket = 0x0003, kHasDeadTuples = 0x0080;
      clear<uint16_t>(flags_at, kHasDeadTuples);
      if ((flags & kType) == 0) return mask_content();
      if ((flags & kOverflowOrBucket) != 0) mask_line_flags();
    } else if (id == kGistPage) {
      constexpr uint16_t kLeaf = 0x0001, kFollowRight = 0x0008, kHasGarbage = 0x0010;
      put<uint64_t>(special_, 0);  // the NSN, an LSN
      clear<uint16_t>(flags_at, kFollowRight | kHasGarbage);
      if ((flags & kLeaf) != 0) mask_line_flags();
    } else if (id < kHashPage) {  // a B-tree's vacuum cycle
      constexpr uint16_t kLeaf = 0x0001, kDeleted = 0x0004, kSplitEnd = 0x0020,
                         kHasGarbage = 0x0040;
      clear<uint16_t>(flags_at, kSplitEnd | kHasGarbage);
      put<uint16_t>(special_ + 14, 0);
      if ((flags & kDeleted) != 0) return mask_content();
      if ((flags & kLeaf) != 0) mask_line_flags();
    }
  }

  // SP-GiST, GIN, BRIN and sequences have 8 bytes.
  void mask_other_page() {
    constexpr uint16_t kSpgistPage = 0xFF82, kSpgistMeta = 0x0001;
    constexpr uint16_t kBrinMeta = 0xF091, kBrinRegular = 0xF093, kBrinEvacuate = 0x0001;
    constexpr uint16_t kGinDeleted = 0x0004, kGinFlags = 0x00FF;
    constexpr uint64_t kSequence = 0x1717;
    const auto id = get<uint16_t>(special_ + 6);
    if (id == kSpgistPage) {
      // Which pages were used last is a cache (SpGistUpdateMetaPage() in spgutils.c).
      if ((get<uint16_t>(special_) & kSpgistMeta) != 0) mask_content();
    } else if (id >= kBrinMeta && id <= kBrinRegular) {
      clear<uint16_t>(special_ + 4, kBrinEvacuate);
    } else if (get<uint64_t>(special_) == kSequence && lower_ == kHeaderBytes + kLineBytes) {
      // Of 32 numbers taken one is logged, and replay goes on behind all of them
      // (nextval_internal() in src/backend/commands/sequence.c).
      mask_content();
    } else if ((id & ~kGinFlags) == 0 && (id & kGinDeleted) != 0) {
      mask_content();
    }
  }

  const MutableBytes page_;
  const size_t lower_;
  const size_t upper_;
  const size_t special_;
};

}  // namespace

void mask_unlogged(MutableBytes page) {
  CHECK(page.size() == kPageBytes);
  MaskedPage(page).mask();
}

}  // namespace walkback::pg
