// The verbs of the stories about backup after backup of the same files.
#pragma once

#include "codec/frame.h"
#include "pipeline/testing/copy_fixture.h"

namespace walkback::pipeline {

inline constexpr size_t kPage = pg::kPageBytes;

class CopyChanges : public CopyTest {
 protected:
  MutableBytes page(Bytes& relation, uint32_t block) {
    return MutableBytes(relation).subspan(block * kPage, kPage);
  }
  // A page as a later change would leave it.
  void change(Bytes& relation, uint32_t block) {
    const Bytes fresh = random.bytes(kPage);
    std::ranges::copy(fresh, page(relation, block).begin());
    stamp(page(relation, block), block, kBeforeStart);
  }
  // All that was copied becomes the parent of what is copied next.
  void next_backup() {
    parents_.clear();
    for (auto& [name, file] : copied) parents_[name] = std::move(file.map);
    copied.clear();
  }
  ParentCopy parent(const std::string& name) {
    return {[this, name]() -> Result<repo::PageMap> { return parents_.at(name); }, {}};
  }
  void add_changed(const std::string& name, ByteView content, BlocksToRead blocks) {
    add_relation(name, content);
    listed.files.back().parent = parent(name);
    listed.files.back().parent->blocks = std::make_shared<BlocksToRead>(std::move(blocks));
  }
  void add_compared(const std::string& name, ByteView content) {
    add_relation(name, content);
    listed.files.back().parent = parent(name);
  }
  void expect_restorable(const std::string& name, ByteView expected) {
    for (auto& [of, file] : copied) {
      file.map = repo::decode_page_map(repo::encode_page_map(file.map)).value();
    }
    const std::string into = "/restored" + std::to_string(++restores_);
    const Result<CopyOutResult> restored = restore(into);
    ASSERT_TRUE(restored.ok()) << restored.error().message;
    expect_restored(name, expected);
    const repo::PageMap& map = copied.at(name).map;
    if (!copied.at(name).source.relation) return;
    ASSERT_EQ(map.page_hashes.size(), map.block_count());
    for (uint32_t i = 0; i < map.block_count(); ++i) {
      const size_t bytes = std::min(kPage, expected.size() - i * kPage);
      EXPECT_EQ(map.page_hashes[i], codec::hash_page(expected.subspan(i * kPage, bytes))) << i;
    }
  }

  std::map<std::string, repo::PageMap> parents_;
  int restores_ = 0;
};

}  // namespace walkback::pipeline
