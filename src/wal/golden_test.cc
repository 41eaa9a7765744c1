// Real segments of every major against what was said of them (testdata/README.md says by whom).
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

#include "wal/segment_header.h"
#include "wal/segment_summary.h"
#include "wal/tools/record_text.h"

namespace walkback::wal {
namespace {

std::string unpack(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string packed{std::istreambuf_iterator<char>(file), {}};
  std::string bytes(ZSTD_getFrameContentSize(packed.data(), packed.size()), '\0');
  const size_t size = ZSTD_decompress(bytes.data(), bytes.size(), packed.data(), packed.size());
  EXPECT_EQ(size, bytes.size()) << path;
  return bytes;
}

class GoldenTest : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    const std::filesystem::path directory = WALKBACK_TESTDATA "/" + std::to_string(GetParam());
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      const std::string name = entry.path().stem();
      if (name == "expected") {
        expected_ = unpack(entry.path());
      } else {
        segments_[name] = unpack(entry.path());
      }
    }
  }

  // All records of all segments, a line each. Where a segment is not there, reading begins anew.
  std::string decode() {
    std::string lines;
    std::optional<RecordReader> reader;
    RecordText text(GetParam());
    uint64_t next = 0;
    for (const auto& [name, bytes] : segments_) {
      const auto info = inspect_segment(as_bytes(bytes)).value();
      EXPECT_EQ(info.version.major, GetParam());
      const auto segment = pg::SegmentName::parse(name, info.segment_bytes).value();
      if (segment.number != next)
        reader.emplace(RecordReader::Expectations{info.segment_bytes, {}, {}});
      next = segment.number + 1;
      reader->feed(segment, as_bytes(bytes));
      Record record;
      Outcome outcome;
      while ((outcome = reader->next(record)) == Outcome::kRecord)
        lines += text.of(record).value() + "\n";
      EXPECT_EQ(outcome, Outcome::kEndOfInput) << reader->error().message;
    }
    return lines;
  }

  std::map<std::string, std::string> segments_;
  std::string expected_;
};

TEST_P(GoldenTest, EveryRecordIsWhatItWasSaidToBe) {
  std::istringstream decoded(decode());
  std::istringstream expected(expected_);
  std::string line, wanted;
  size_t count = 0;
  for (; std::getline(expected, wanted); ++count) {
    ASSERT_TRUE(std::getline(decoded, line)) << "after " << count << " records, before " << wanted;
    ASSERT_EQ(line, wanted) << "record " << count;
  }
  EXPECT_FALSE(std::getline(decoded, line)) << "more than expected: " << line;
  EXPECT_GT(count, 3000u);
}

TEST_P(GoldenTest, TheWorkloadsEventsAreAllThere) {
  const std::string lines = decode();
  for (const char* what :
       {" restore-point before the deploy\n", " prepare xid=", " gid=gid-one subxids=",
        " abort xid=", "subxids=", "rels=", " checkpoint online", " checkpoint shutdown",
        " tablespace-create ", " database-create ", " database-drop ", " parameters 120 ",
        " running next=", ":FPW"}) {
    EXPECT_NE(lines.find(what), std::string::npos) << what;
  }
}

std::string fork_name(pg::Fork fork) {
  constexpr std::string_view kNames[] = {"", "fsm", "vm", "init"};
  return std::string(kNames[static_cast<size_t>(fork)]);
}

// "#0:1663/5/16384:vm:7:FPW", as the lines have them, without the number and what follows.
std::set<std::string> blocks_of(const std::string& lines) {
  std::set<std::string> blocks;
  std::istringstream words(lines);
  for (std::string word; words >> word;) {
    const size_t colon = word.find(':');
    if (word[0] != '#' || colon == std::string::npos) continue;
    const std::string block = word.substr(colon + 1);
    const size_t fork = block.find(':', block.find(':') + 1);
    blocks.insert(block.substr(0, block.find(':', fork + 1)));
  }
  return blocks;
}

TEST_P(GoldenTest, SummariesHoldEveryBlockThatAnyRecordRefersTo) {
  std::set<std::string> blocks;
  size_t unknown = 0, kept = 0, ends = 0;
  std::string previous;
  uint64_t next = 0;
  for (const auto& [name, bytes] : segments_) {
    const auto info = inspect_segment(as_bytes(bytes)).value();
    const auto segment = pg::SegmentName::parse(name, info.segment_bytes).value();
    if (segment.number != next) previous.clear();
    next = segment.number + 1;
    const SegmentSummary summary = summarize_segment(segment, as_bytes(bytes), as_bytes(previous),
                                                     {info.segment_bytes, {}, {}});
    EXPECT_EQ(summary.problem, "");
    unknown += summary.first_record_unknown;
    kept += summary.kept.size();
    ends += summary.plain_ends.size();
    for (const ChangedBlocks& changed : summary.changed) {
      const RelationLocator& relation = changed.relation;
      for (const uint32_t block : changed.blocks) {
        blocks.insert(fmt::format("{}/{}/{}:{}:{}", relation.tablespace, relation.database,
                                  relation.number, fork_name(changed.fork), block));
      }
    }
    previous = bytes;
  }
  EXPECT_EQ(blocks, blocks_of(expected_));
  EXPECT_LE(unknown, 2u);
  EXPECT_GT(kept, 10u);
  EXPECT_GT(ends, 0u);
}

INSTANTIATE_TEST_SUITE_P(EveryMajor, GoldenTest, testing::Range(13, 19));

}  // namespace
}  // namespace walkback::wal
