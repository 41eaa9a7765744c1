#include "cli/read_target.h"

#include <fmt/format.h>

#include "base/whole_number.h"

namespace walkback::cli {

namespace {

using restore::TargetKind;

Result<uint64_t> read_xid(std::string_view option, const std::string& text) {
  if (const auto xid = whole_number<uint64_t>(text); xid && *xid > 0) return *xid;
  return make_error(ErrorKind::kInvalid, fmt::format("{} is \"{}\"", option, text),
                    "expected a transaction id, a number such as 748, as logs and pg_xact show it");
}

Result<pg::Lsn> read_lsn(const std::string& text) {
  Result<pg::Lsn> lsn = pg::Lsn::parse(text);
  if (lsn.ok()) return lsn;
  return make_error(ErrorKind::kInvalid, fmt::format("--lsn is \"{}\"", text),
                    "expected a WAL position as PostgreSQL prints it, such as A/FE000028");
}

}  // namespace

Result<restore::RecoveryTarget> read_target(const TargetOptions& options, Timestamp now) {
  restore::RecoveryTarget target;
  if (options.to) {
    target.kind = TargetKind::kTime;
    target.time = TRY(restore::parse_target_time(*options.to, now));
  } else if (options.xid) {
    target.kind = TargetKind::kXid;
    target.xid = TRY(read_xid("--xid", *options.xid));
  } else if (options.before_xid) {
    target.kind = TargetKind::kBeforeXid;
    target.xid = TRY(read_xid("--before-xid", *options.before_xid));
  } else if (options.lsn) {
    target.kind = TargetKind::kLsn;
    target.lsn = TRY(read_lsn(*options.lsn));
  } else if (options.name) {
    target.kind = TargetKind::kName;
    target.name = *options.name;
  } else {
    CHECK(options.latest || options.immediate);
    target.kind = options.latest ? TargetKind::kLatest : TargetKind::kImmediate;
  }
  return target;
}

}  // namespace walkback::cli
