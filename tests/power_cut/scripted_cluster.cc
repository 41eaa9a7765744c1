#include "scripted_cluster.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "backup/testing/scripted_primary.h"
#include "base/testing/seeded_random.h"
#include "pg/control_file.h"
#include "pg/testing/saved_control_file.h"

namespace walkback {

namespace {

constexpr uint32_t kSegmentBytes = 1 << 20;

template <typename T>
void store_at(Bytes& bytes, size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(value));
}

// A real pg_control, with smaller WAL segments.
Bytes scripted_control_file() {
  Bytes bytes = pg::saved_control_file(WALKBACK_PG_TESTDATA);
  pg::change_control_file(bytes, pg::kWalSegmentBytesAt, kSegmentBytes);
  return bytes;
}

// A page that a backup does not judge: its LSN is behind the backup's start, as of one that is
// being written.
Bytes fresh_pages(SeededRandom& random, size_t count) {
  Bytes pages(count * 8192);
  for (size_t i = 0; i < count; ++i) {
    random.fill(MutableBytes(pages).subspan(i * 8192, 1024));
    store_at(pages, i * 8192, uint32_t{0xFFFF});       // pd_lsn, high half
    store_at(pages, i * 8192 + 4, uint32_t{0});        // and low half
    store_at(pages, i * 8192 + 14, uint16_t{0x2000});  // pd_upper: not a new page
  }
  return pages;
}

Bytes scripted_segment(pg::SystemIdentifier id) {
  Bytes segment(kSegmentBytes);
  store_at(segment, 0, uint16_t{0xD110});  // PostgreSQL 15
  store_at(segment, 2, uint16_t{2});       // long header
  store_at(segment, 4, uint32_t{1});
  store_at(segment, 8, uint64_t{3 * kSegmentBytes});
  store_at(segment, 24, id.value);
  store_at(segment, 32, kSegmentBytes);
  store_at(segment, 36, uint32_t{8192});
  return segment;
}

void write(FileSystem& files, const std::string& name, ByteView content) {
  const std::string path = join_path(kPgdata, name);
  ASSERT_TRUE(make_directories(files, parent_path(path), 0700).ok());
  ASSERT_TRUE(replace_file(files, path, content, 0600).ok());
}

class ScriptedServer final : public backup::ScriptedPrimary {
 public:
  ScriptedServer()
      : ScriptedPrimary(std::string(kPgdata),
                        pg::parse_control_file(scripted_control_file()).value().system_identifier,
                        kSegmentBytes) {}

 private:
  std::string last_archived() override { return std::string(kSegment); }
  pg::Lsn begin_backup() override { return {0x300028}; }
  pg::Lsn end_backup(pg::Lsn) override { return {0x300100}; }
};

}  // namespace

void make_scripted_cluster(FileSystem& files) {
  SeededRandom random(15);
  const Bytes control = scripted_control_file();
  const pg::SystemIdentifier id = pg::parse_control_file(control).value().system_identifier;
  write(files, "global/pg_control", control);
  write(files, "global/1262", fresh_pages(random, 1));
  write(files, "base/5/1259", fresh_pages(random, 3));
  write(files, "base/5/1259_vm", fresh_pages(random, 1));
  write(files, "base/5/16384", fresh_pages(random, 150));  // more than two frames
  write(files, "base/5/16390", {});
  write(files, "pg_xact/0000", fresh_pages(random, 1));
  write(files, "PG_VERSION", as_bytes("15\n"));
  write(files, "postgresql.conf", as_bytes("max_connections = 100\n"));
  write(files, "postgresql.auto.conf", as_bytes("# by ALTER SYSTEM\n"));
  write(files, "pg_hba.conf", as_bytes("local all all trust\n"));
  write(files, "pg_ident.conf", as_bytes("# nothing\n"));
  write(files, join_path("pg_wal", kSegment), scripted_segment(id));
  write(files, fmt::format("pg_wal/archive_status/{}.ready", kSegment), {});
  ASSERT_TRUE(make_directories(files, join_path(kPgdata, "pg_tblspc"), 0700).ok());
}

std::unique_ptr<pgconn::Connection> connect_scripted_server() {
  return std::make_unique<ScriptedServer>();
}

namespace {

std::map<std::string, std::string> contents_of(FileSystem& files, const std::string& directory) {
  std::map<std::string, std::string> contents;
  std::vector<std::string> to_visit = {""};
  while (!to_visit.empty()) {
    const std::string folder = to_visit.back();
    to_visit.pop_back();
    for (const DirectoryEntry& entry : files.list(join_path(directory, folder)).value()) {
      const std::string name = folder.empty() ? entry.name : join_path(folder, entry.name);
      if (entry.type == FileType::kDirectory) {
        if (name != "pg_wal") to_visit.push_back(name);
      } else {
        contents[name] = as_text(read_file(files, join_path(directory, name)).value());
      }
    }
  }
  // The settings of a copy, by which it differs on purpose.
  for (const char* name : {"postgresql.conf", "postgresql.auto.conf", "backup_label",
                           "recovery.signal", "walkback.copy.conf"}) {
    contents.erase(name);
  }
  return contents;
}

}  // namespace

std::string differences(FileSystem& files, std::string_view a, std::string_view b) {
  const std::map<std::string, std::string> left = contents_of(files, std::string(a));
  const std::map<std::string, std::string> right = contents_of(files, std::string(b));
  std::string names;
  for (const auto& [name, content] : left) {
    const auto other = right.find(name);
    if (other == right.end() || other->second != content) names += name + " ";
  }
  for (const auto& [name, content] : right) {
    if (!left.contains(name)) names += name + " ";
  }
  return names;
}

}  // namespace walkback
