#include "pg/data_directory.h"

#include <gtest/gtest.h>

namespace walkback::pg {
namespace {

Version v15() { return version_of_major(15).value(); }

TEST(RelationName, ReadsWhatPostgresWrites) {
  EXPECT_EQ(RelationName::parse("16384"), (RelationName{16384, Fork::kMain, 0}));
  EXPECT_EQ(RelationName::parse("16384.3"), (RelationName{16384, Fork::kMain, 3}));
  EXPECT_EQ(RelationName::parse("16384_fsm"), (RelationName{16384, Fork::kFreeSpaceMap, 0}));
  EXPECT_EQ(RelationName::parse("16384_vm.2"), (RelationName{16384, Fork::kVisibilityMap, 2}));
  EXPECT_EQ(RelationName::parse("4294967295_init"), (RelationName{4294967295, Fork::kInit, 0}));
  for (const char* name : {"16384", "16384.3", "16384_fsm", "16384_vm.2", "1_init"}) {
    EXPECT_EQ(RelationName::parse(name)->text(), name);
  }
}

TEST(RelationName, AnythingElseIsNoRelation) {
  for (const char* name : {"", "PG_VERSION", "pg_filenode.map", "016384", "0", "4294967296",
                           "16384_", "16384_x", "16384.", "16384.0", "16384.01", "16384_vm_fsm",
                           "16384.1_vm", "t3_16384", "-1", "16384 ", "16384.1.1"}) {
    EXPECT_FALSE(RelationName::parse(name)) << name;
  }
}

TEST(RelationPath, NamesTablespaceAndDatabase) {
  EXPECT_EQ(parse_relation_path("base/5/1259", v15()),
            (RelationFile{kDefaultTablespace, 5, {1259, Fork::kMain, 0}}));
  EXPECT_EQ(parse_relation_path("global/1262_fsm", v15()),
            (RelationFile{kGlobalTablespace, 0, {1262, Fork::kFreeSpaceMap, 0}}));
  EXPECT_EQ(parse_relation_path("pg_tblspc/16390/PG_15_202209061/5/16391.1", v15()),
            (RelationFile{16390, 5, {16391, Fork::kMain, 1}}));
}

TEST(RelationPath, OtherFilesAndOtherVersionsAreNone) {
  for (const char* path :
       {"global/pg_control", "base/5/PG_VERSION", "base/5/t3_16384", "base/pgsql_tmp/1",
        "base/1259", "base/5/6/1259", "pg_xact/0000", "pg_tblspc/16390/PG_14_202107181/5/16391",
        "pg_tblspc/16390/5/16391", "1259"}) {
    EXPECT_FALSE(parse_relation_path(path, v15())) << path;
  }
}

TEST(DataDirectory, ContentsThatAServerRebuildsAreLeftOut) {
  for (const char* path :
       {"pg_wal", "pg_wal/archive_status", "pg_wal/summaries", "pg_stat_tmp", "pg_replslot",
        "pg_dynshmem", "pg_notify", "pg_serial", "pg_snapshots", "pg_subtrans"}) {
    EXPECT_TRUE(contents_left_out(path)) << path;
  }
  for (const char* path : {"pg_xact", "pg_multixact", "pg_logical", "pg_stat", "pg_twophase",
                           "base", "log/pg_notify", "pg_wal2", ""}) {
    EXPECT_FALSE(contents_left_out(path)) << path;
  }
}

TEST(DataDirectory, FilesOfTheRunningServerAreLeftOut) {
  for (const char* path :
       {"postmaster.pid", "postmaster.opts", "backup_label", "tablespace_map", "backup_manifest",
        "postgresql.auto.conf.tmp", "current_logfiles.tmp", "global/pg_internal.init",
        "base/5/pg_internal.init.1234", "base/pgsql_tmp", "pg_tblspc/1/PG_15_202209061/pgsql_tmp",
        "base/pgsql_tmp/pgsql_tmp123.0", "base/5/t3_16384", "base/5/t12_16384_fsm",
        "base/5/t3_16384.1"}) {
    EXPECT_TRUE(left_out(path)) << path;
  }
  for (const char* path :
       {"postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "PG_VERSION", "global/pg_control",
        "base/5/16384", "base/5/t_16384", "base/5/t3_", "t3_16384", "log/t3_16384",
        "current_logfiles", "backup_label.old", "base/5/t3_16384_x"}) {
    EXPECT_FALSE(left_out(path)) << path;
  }
}

TEST(PostgresqlsOwn, AreTheDirectoriesThatInitdbMakesAndWhatIsInThem) {
  for (const char* path : {"base", "base/5", "base/5/1259", "pg_xact", "pg_multixact/members",
                           "global", "pg_wal", "pg_tblspc/16390/PG_15_202209061/5"}) {
    EXPECT_TRUE(is_postgresqls_own(path)) << path;
  }
  for (const char* path : {"log", "pg_log", "pg_log/base", "postgresql.conf", "base2", "PG_VERSION",
                           "certificates/global", ""}) {
    EXPECT_FALSE(is_postgresqls_own(path)) << path;
  }
}

TEST(UnloggedRelations, OnlyTheInitForkIsKept) {
  UnloggedRelations unlogged;
  for (const char* name : {"16384", "16384_init", "16384_vm", "16385", "16385_vm"})
    unlogged.add(name);
  EXPECT_TRUE(unlogged.leaves_out("16384"));
  EXPECT_TRUE(unlogged.leaves_out("16384.1"));
  EXPECT_TRUE(unlogged.leaves_out("16384_vm"));
  EXPECT_FALSE(unlogged.leaves_out("16384_init"));
  EXPECT_FALSE(unlogged.leaves_out("16385"));
  EXPECT_FALSE(unlogged.leaves_out("PG_VERSION"));
}

TEST(TablespaceVersionDirectory, NamesMajorAndCatalog) {
  EXPECT_EQ(tablespace_version_directory(v15()), "PG_15_202209061");
  EXPECT_EQ(tablespace_version_directory(version_of_major(18).value()), "PG_18_202506291");
}

}  // namespace
}  // namespace walkback::pg
