// Who may log in, read from a cluster's own files, for when there is no server to ask:
// global/pg_filenode.map (src/backend/utils/cache/relmapper.c) says which file of global/ holds
// pg_authid, an ordinary table of pages (src/include/storage/bufpage.h, access/htup_details.h,
// catalog/pg_authid.h). Laid out alike in 13 to 18. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "pg/types.h"

namespace walkback::pg {

constexpr Oid kRolesRelation = 1260;  // AuthIdRelationId
constexpr Oid kFirstSuperuser = 10;   // BOOTSTRAP_SUPERUSERID: it may be renamed, never dropped

// The name, in the map's directory, of the file that holds `relation`. kCorrupt when the bytes are
// no such map, kMissing when it does not name the relation.
Result<std::string> mapped_file(ByteView map, Oid relation);

struct Role {
  Oid oid = 0;
  std::string name;
  bool superuser = false;
  bool may_log_in = false;
  bool replaced = false;  // by a later version of the row, or dropped; perhaps not committed
};

// The versions of rows on a page of pg_authid, outdated ones too. What cannot be a row is passed
// over: the page may be torn, and whom it names is only asked for, never trusted.
std::vector<Role> roles_on_page(ByteView page);

}  // namespace walkback::pg
