// Who may log in, read from a cluster's own files, for when there is no server to ask: pg_authid is
// an ordinary table of pages (src/include/storage/bufpage.h, access/htup_details.h,
// catalog/pg_authid.h) in a file of global/ that filenode_map.h tells. Laid out alike in 13 to 18.
// Pure and thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "pg/types.h"

namespace walkback::pg {

constexpr Oid kRolesRelation = 1260;  // AuthIdRelationId
constexpr Oid kFirstSuperuser = 10;   // BOOTSTRAP_SUPERUSERID: it may be renamed, never dropped

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
