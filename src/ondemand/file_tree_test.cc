// A directory whose files fill as they are used, beside files in memory that always were whole.
#include "ondemand/file_tree.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <thread>

#include "base/testing/seeds.h"
#include "ondemand/testing/local_directory.h"
#include "ondemand/testing/made_up_source.h"

namespace walkback::ondemand {
namespace {

class Tree {
 public:
  explicit Tree(uint64_t seed, std::string prefix = "") : random(seed), source(random) {
    local.make("base");
    local.make("other");
    prefix_ = std::move(prefix);
  }
  void begin() { tree.emplace(local.open(), prefix_, source); }
  void add(const std::string& name, uint64_t size, bool scattered = false) {
    source.add(prefix_ + name, size, 4, scattered);
    local.make(name, size);
  }

  FileTree::Handle open(const std::string& name) {
    FileTree::Handle file;
    EXPECT_EQ(tree->open(name, file), 0) << name;
    return file;
  }
  FileTree::Handle create(const std::string& name) {
    FileTree::Handle file;
    EXPECT_EQ(tree->create(name, O_RDWR | O_CREAT | O_EXCL, 0600, file), 0) << name;
    return file;
  }
  static Bytes read(FileTree::OpenFile& file, uint64_t offset, uint64_t size) {
    Bytes bytes(size);
    const ssize_t got = FileTree::read(file, offset, bytes);
    EXPECT_GE(got, 0);
    bytes.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
    return bytes;
  }
  Bytes content(const std::string& name) { return read(*open(name), 0, 1 << 20); }

  LocalDirectory local;
  SeededRandom random;
  MadeUpSource source;
  std::optional<FileTree> tree;

 private:
  std::string prefix_;
};

TEST(FileTree, AFileKeepsWhatItWasUnderItsNewName) {
  Tree at(1);
  at.add("base/1", 1000);
  at.begin();
  const Bytes then = at.source.add("base/1", 1000);
  EXPECT_EQ(at.tree->rename("base/1", "base/2", 0), 0);
  EXPECT_EQ(at.content("base/2"), then);
}

TEST(FileTree, ANewFileUnderAnOldNameIsEmpty) {
  Tree at(1);
  at.add("base/1", 1000);
  at.begin();
  EXPECT_EQ(at.tree->remove("base/1"), 0);
  at.create("base/1");
  EXPECT_EQ(at.content("base/1"), Bytes());
  const Bytes written = at.random.bytes(700);
  EXPECT_EQ(FileTree::write(*at.open("base/1"), 0, written), 700);
  EXPECT_EQ(at.content("base/1"), written);
  EXPECT_TRUE(at.source.fetched.empty());
}

TEST(FileTree, WhatIsReplacedIsGone) {
  Tree at(1);
  at.add("base/1", 1000);
  at.begin();
  at.create("base/1.tmp");
  EXPECT_EQ(at.tree->rename("base/1.tmp", "base/1", 0), 0);
  EXPECT_EQ(at.content("base/1"), Bytes());
}

TEST(FileTree, WhoHasAFileOpenReadsItAfterItsNameWent) {
  Tree at(1);
  at.add("base/1", 1000);
  at.begin();
  const Bytes then = at.source.add("base/1", 1000);
  const FileTree::Handle file = at.open("base/1");
  EXPECT_EQ(at.tree->remove("base/1"), 0);
  EXPECT_EQ(Tree::read(*file, 0, 2000), then);
  FileTree::Handle gone;
  EXPECT_EQ(at.tree->open("base/1", gone), -ENOENT);
}

TEST(FileTree, FilesOfATablespaceHaveItsNameInFront) {
  Tree at(1, "pg_tblspc/16390/");
  at.add("base/1", 1000);
  at.begin();
  const Bytes then = at.source.add("pg_tblspc/16390/base/1", 1000);
  EXPECT_EQ(at.content("base/1"), then);
}

TEST(FileTree, WhatIsDamagedIsAnError) {
  Tree at(1);
  at.add("base/1", 1000);
  at.begin();
  at.source.damaged.insert({"base/1", 0});
  Bytes bytes(10);
  EXPECT_EQ(FileTree::read(*at.open("base/1"), 0, bytes), -EIO);
}

TEST(FileTree, WhatCannotBeWrittenIsReported) {
  Tree at(1);
  at.add("base/1", 1000);
  at.begin();
  at.source.damaged.insert({"base/1", 0});
  const Bytes one(1);
  EXPECT_EQ(FileTree::write(*at.open("base/1"), 3, one), -EIO);
  EXPECT_EQ(at.source.write_failures.size(), 1u);
}

// The same calls on both; every read is compared, and at the end every file.
class RandomUse {
 public:
  explicit RandomUse(uint64_t seed) : at_(seed) {
    for (int i = 0; i < 6; ++i) {
      const std::string name = "base/" + std::to_string(i);
      const uint64_t size = at_.random.below(60 * kBlock);
      at_.add(name, size, at_.random.percent(60));
      files_[name] = std::make_shared<Bytes>(content_of(name));
    }
    at_.begin();
  }

  void run(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) step();
    for (const auto& [name, file] : files_) EXPECT_EQ(at_.content(name), *file) << name;
    for (const auto& [frame, times] : at_.source.fetched) {
      EXPECT_EQ(times, 1) << frame.first << " " << frame.second;
    }
  }

 private:
  struct Open {
    FileTree::Handle handle;
    std::shared_ptr<Bytes> model;
  };

  Bytes content_of(const std::string& name) {
    const auto file = at_.source.map_of(name).value();
    Bytes bytes(file->map.file_bytes);
    std::vector<pipeline::WantedFrame> all;
    for (const uint32_t frame : file->runs.frames()) all.push_back(file->runs.use_of(frame));
    EXPECT_TRUE(at_.source
                    .read(name, *file, all,
                          [&](const repo::Run& run, ByteView part) {
                            std::ranges::copy(part, bytes.begin() + run.first_block * kBlock);
                            return success();
                          })
                    .ok());
    at_.source.fetched.clear();
    return bytes;
  }

  std::string some_name() {
    return (at_.random.percent(90) ? "base/" : "other/") + std::to_string(at_.random.below(9));
  }
  Open some_file() {
    if (!open_.empty() && at_.random.percent(40)) return open_[at_.random.below(open_.size())];
    if (files_.empty()) return {};
    auto file = files_.begin();
    std::advance(file, at_.random.below(files_.size()));
    Open opened{at_.open(file->first), file->second};
    if (at_.random.percent(20)) open_.push_back(opened);
    return opened;
  }
  uint64_t some_offset(const Bytes& model) {
    const uint64_t offset = at_.random.below(model.size() + 2 * kBlock);
    return at_.random.percent(60) ? offset / kBlock * kBlock : offset;
  }
  uint64_t some_size() {
    return at_.random.percent(60) ? (1 + at_.random.below(4)) * kBlock
                                  : 1 + at_.random.below(5 * kBlock);
  }

  void step() {
    const uint64_t what = at_.random.below(100);
    if (what < 40) return read();
    if (what < 65) return write();
    if (what < 75) return truncate();
    if (what < 83) return rename();
    if (what < 90) return remove();
    if (what < 97) return create();
    if (!open_.empty())
      open_.erase(open_.begin() + static_cast<ptrdiff_t>(at_.random.below(open_.size())));
  }
  void read() {
    const Open file = some_file();
    if (!file.handle) return;
    const uint64_t offset = some_offset(*file.model), size = some_size();
    Bytes expected;
    if (offset < file.model->size()) {
      const ByteView rest = ByteView(*file.model).subspan(offset);
      expected = to_bytes(rest.first(std::min<uint64_t>(size, rest.size())));
    }
    EXPECT_EQ(Tree::read(*file.handle, offset, size), expected);
  }
  void write() {
    const Open file = some_file();
    if (!file.handle) return;
    const uint64_t offset = some_offset(*file.model);
    const Bytes fresh = at_.random.bytes(some_size());
    EXPECT_EQ(FileTree::write(*file.handle, offset, fresh), static_cast<ssize_t>(fresh.size()));
    if (file.model->size() < offset + fresh.size()) file.model->resize(offset + fresh.size());
    std::ranges::copy(fresh, file.model->begin() + static_cast<ptrdiff_t>(offset));
  }
  void truncate() {
    const Open file = some_file();
    if (!file.handle) return;
    const uint64_t size = some_offset(*file.model);
    EXPECT_EQ(FileTree::truncate(*file.handle, size), 0);
    file.model->resize(size);
  }
  void rename() {
    const std::string from = some_name(), to = some_name();
    const int renamed = at_.tree->rename(from, to, 0);
    if (!files_.contains(from)) {
      EXPECT_EQ(renamed, -ENOENT);
      return;
    }
    EXPECT_EQ(renamed, 0);
    if (from == to) return;
    files_[to] = files_.at(from);
    files_.erase(from);
  }
  void remove() {
    const std::string name = some_name();
    EXPECT_EQ(at_.tree->remove(name), files_.erase(name) == 0 ? -ENOENT : 0);
  }
  void create() {
    const std::string name = some_name();
    FileTree::Handle file;
    const int made = at_.tree->create(name, O_RDWR | O_CREAT | O_EXCL, 0600, file);
    EXPECT_EQ(made, files_.contains(name) ? -EEXIST : 0);
    if (made == 0) files_[name] = std::make_shared<Bytes>();
  }

  Tree at_;
  std::map<std::string, std::shared_ptr<Bytes>> files_;
  std::vector<Open> open_;
};

TEST(FileTree, IsWhatOrdinaryFilesWouldBeWhateverIsDone) {
  const Seeds seeds = test_seeds(60);
  for (uint64_t seed = seeds.first; seed < seeds.end(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomUse(seed).run(400);
    if (HasFailure()) return;
  }
}

// Several threads, each with blocks of its own that it writes and reads, in one file.
TEST(FileTree, ManyAtOnceSeeWhatTheyWrote) {
  const Seeds seeds = test_seeds(10);
  for (uint64_t seed = seeds.first; seed < seeds.end(); ++seed) {
    Tree at(seed);
    constexpr uint64_t kBlocks = 400;
    at.add("base/1", kBlocks * kBlock, true);
    at.begin();
    const FileTree::Handle whole = at.open("base/1");
    std::vector<std::thread> threads;
    for (uint64_t mine = 0; mine < 4; ++mine) {
      threads.emplace_back([&, mine] {
        SeededRandom random(seed * 10 + mine);
        std::map<uint64_t, Bytes> written;
        for (int i = 0; i < 300; ++i) {
          const uint64_t block = random.below(kBlocks / 4) * 4 + mine;
          const FileTree::Handle file = at.open("base/1");
          if (random.percent(40)) {
            Bytes fresh = random.bytes(kBlock);
            EXPECT_EQ(FileTree::write(*file, block * kBlock, fresh), kBlock);
            written[block] = std::move(fresh);
          } else if (written.contains(block)) {
            EXPECT_EQ(Tree::read(*file, block * kBlock, kBlock), written[block]);
          } else {
            Tree::read(*file, block * kBlock, 3 * kBlock);
          }
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const auto& [frame, times] : at.source.fetched) EXPECT_EQ(times, 1) << frame.second;
  }
}

}  // namespace
}  // namespace walkback::ondemand
