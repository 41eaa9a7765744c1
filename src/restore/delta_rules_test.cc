#include "restore/delta_rules.h"

#include <gtest/gtest.h>

namespace walkback::restore {
namespace {

const pg::Version kVersion = pg::version_of_major(15).value();

bool file_goes(std::string_view name) {
  return goes_unless_in_backup(name, FileType::kRegular, kVersion);
}
bool directory_goes(std::string_view name) {
  return goes_unless_in_backup(name, FileType::kDirectory, kVersion);
}

TEST(DeltaRules, WhatPostgresMadeGoes) {
  for (const char* name : {"base/5/16384",
                           "base/5/16384.1",
                           "base/5/16384_vm",
                           "base/5/16384_init",
                           "base/5/t3_16385",
                           "base/5/pg_internal.init",
                           "base/5/pg_internal.init.4711",
                           "base/5/pg_filenode.map",
                           "base/5/PG_VERSION",
                           "base/pgsql_tmp/pgsql_tmp4711.0",
                           "global/1262",
                           "pg_xact/0001",
                           "pg_multixact/members/0000",
                           "pg_twophase/000002F0",
                           "pg_replslot/slot/state",
                           "pg_logical/snapshots/0-1234.snap",
                           "pg_stat/pgstat.stat",
                           "pg_commit_ts/0000",
                           "pg_tblspc/16390/PG_15_202209061/5/16391",
                           "postmaster.pid",
                           "postmaster.opts",
                           "backup_label",
                           "tablespace_map",
                           "standby.signal",
                           "recovery.signal",
                           "recovery.conf",
                           "walkback.copy.conf"}) {
    EXPECT_TRUE(file_goes(name)) << name;
  }
  for (const char* name :
       {"base/16400", "base/pgsql_tmp", "pg_replslot/slot", "pg_tblspc/16390/PG_15_202209061",
        "pg_tblspc/16390/PG_15_202209061/5"}) {
    EXPECT_TRUE(directory_goes(name)) << name;
  }
  EXPECT_TRUE(goes_unless_in_backup("pg_tblspc/16390", FileType::kSymlink, kVersion));
}

TEST(DeltaRules, WhatAPersonPutThereStays) {
  for (const char* name :
       {"postgresql.conf", "server.key", "notes.txt", "log/postgresql.log", "conf.d/mine.conf",
        "base/5/16384.old", "base/5/16384 (copy)", "base/README", "base/5/016384", "global/notes",
        "mine/base/5/16384", "postgresql.conf.tmp-backup", "notes.txt.tmp-0123456789abcdef"}) {
    EXPECT_FALSE(file_goes(name)) << name;
  }
  for (const char* name : {"log", "conf.d", "base/old", "certificates"}) {
    EXPECT_FALSE(directory_goes(name)) << name;
  }
}

TEST(DeltaRules, WalAndPgControlHaveRulesOfTheirOwn) {
  EXPECT_FALSE(file_goes("global/pg_control"));
  EXPECT_FALSE(file_goes("pg_wal/000000010000000000000003"));
  EXPECT_FALSE(file_goes("pg_wal/archive_status/000000010000000000000003.ready"));
  EXPECT_FALSE(is_looked_into("pg_wal", kVersion));
  EXPECT_FALSE(is_looked_into("pg_wal/archive_status", kVersion));
}

TEST(DeltaRules, ATablespacesDirectoryOfAnotherVersionIsAnotherClusters) {
  for (const char* name : {"pg_tblspc/16390/PG_14_202107181", "pg_tblspc/16390/PG_14_202107181/5",
                           "pg_tblspc/16390/lost+found"}) {
    EXPECT_FALSE(directory_goes(name)) << name;
    EXPECT_FALSE(is_looked_into(name, kVersion)) << name;
  }
  EXPECT_FALSE(file_goes("pg_tblspc/16390/PG_14_202107181/5/16391"));
  EXPECT_TRUE(is_looked_into("pg_tblspc/16390/PG_15_202209061/5", kVersion));
}

TEST(DeltaRules, ALinkAmongRelationsGoesByItsName) {
  EXPECT_TRUE(goes_unless_in_backup("base/5/16384", FileType::kSymlink, kVersion));
  EXPECT_FALSE(goes_unless_in_backup("base/5/elsewhere", FileType::kSymlink, kVersion));
}

TEST(DeltaRules, FilesThatWereToReplaceAnotherGo) {
  EXPECT_TRUE(file_goes("postgresql.conf.tmp-0123456789abcdef"));
  EXPECT_TRUE(file_goes("global/pg_control.tmp-0123456789abcdef"));
  EXPECT_TRUE(file_goes("walkback.unfinished.conf.tmp-0123456789abcdef"));
}

TEST(DeltaRules, SettingsAndSignalsAreConfiguration) {
  for (const char* name : {"postgresql.conf", "pg_hba.conf", "standby.signal", "recovery.conf"}) {
    EXPECT_TRUE(is_configuration(name)) << name;
  }
  for (const char* name : {"walkback.copy.conf", "PG_VERSION", "conf.d/a.conf", "server.key"}) {
    EXPECT_FALSE(is_configuration(name)) << name;
  }
}

}  // namespace
}  // namespace walkback::restore
