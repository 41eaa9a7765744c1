// For tests: a repository with backups of made-up files and WAL, encrypted or not, and the verbs of
// what can happen to its objects.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/testing/manual_clock.h"
#include "base/testing/seeded_random.h"
#include "catalog/names.h"
#include "catalog/testing/scratch_archive.h"
#include "repo/encrypted_store.h"
#include "repo/pack.h"
#include "store/testing/forwarding_store.h"
#include "verify/verify.h"

namespace walkback::verify {

// A store that somebody else owns, and that may be told to stop answering.
class Borrowed final : public store::ForwardingStore {
 public:
  explicit Borrowed(store::ObjectStore& store, uint64_t* opens_left = nullptr)
      : ForwardingStore(store), opens_left_(opens_left) {}
  Result<std::optional<Bytes>> get(const store::ObjectKey& key) override {
    TRY(count(key));
    return ForwardingStore::get(key);
  }
  Result<std::unique_ptr<store::ObjectReader>> open(const store::ObjectKey& key) override {
    TRY(count(key));
    return ForwardingStore::open(key);
  }

 private:
  // Of packs and segments: the run ends there as if it had been killed.
  Result<void> count(const store::ObjectKey& key) {
    const bool counts = key.text().find("/packs/") != std::string::npos;
    if (opens_left_ == nullptr || !counts) return success();
    if (*opens_left_ == 0) return make_error(ErrorKind::kTransient, "the network is gone");
    --*opens_left_;
    return success();
  }

  uint64_t* opens_left_;
};

enum class Keys { kPlain, kOwner, kHostOnly };

class ScratchRepository {
 public:
  explicit ScratchRepository(Keys keys = Keys::kPlain)
      : keys_(keys), archive_(store_with(keys == Keys::kPlain ? keys : Keys::kOwner)) {}

  // Two backups and the WAL from the first to behind the second. The second has of its files one
  // that changed, and shares the others' packs.
  void fill() {
    big_ = make_file("base/5/16384", 40);
    small_ = make_file("global/1262", 1);
    backup(10);
    big_ = with_changed_block(big_);
    backup(20);
    log_.wal_level(1);  // the server was started anew
    log_.commit(800, 25);
    log_.switch_segment();
    log_.insert();
    archive_.put_all(log_);
  }

  VerifyReport verify(bool deep = false) { return verify_as(keys_, deep); }
  VerifyReport verify_as(Keys keys, bool deep = false) {
    const Result<VerifyReport> report = try_verify(keys, deep);
    EXPECT_TRUE(report.ok()) << report.error().message;
    return report.ok() ? *report : VerifyReport();
  }
  Result<VerifyReport> try_verify(Keys keys, bool deep, uint64_t* opens_left = nullptr) {
    clock_.advance(std::chrono::hours(1));
    options.cluster = "main";
    options.deep = deep;
    const auto objects = store_with(keys, opens_left);
    Borrowed raw(*beneath_, opens_left);
    return run_verify(options, *objects, raw, clock_, random_, silent_progress(), {});
  }

  // ---- what is stored, and what can happen to it ----

  // Every object whose name has this part, by the name in the store beneath.
  std::vector<store::ObjectKey> stored(std::string_view part) {
    std::vector<store::ObjectKey> keys;
    EXPECT_TRUE(beneath_
                    ->list("clusters/main/", "",
                           [&](const store::ObjectInfo& info) {
                             const bool record =
                                 info.key.text().find("/verified/") != std::string::npos ||
                                 info.key.text().find("/events/") != std::string::npos;
                             if (!record && info.key.text().find(part) != std::string::npos) {
                               keys.push_back(info.key);
                             }
                             return true;
                           })
                    .ok());
    EXPECT_FALSE(keys.empty()) << part;
    return keys;
  }
  std::vector<store::ObjectKey> segments() {
    std::vector<store::ObjectKey> keys = stored("/wal/");
    std::erase_if(keys, [](const store::ObjectKey& key) {
      return key.text().find(".index") != std::string::npos ||
             key.text().find(".settings") != std::string::npos;
    });
    return keys;
  }
  Bytes bytes_of(const store::ObjectKey& key) { return beneath_->get(key).value().value(); }
  void lose(const store::ObjectKey& key) { EXPECT_TRUE(beneath_->remove(key).ok()); }
  void put(const store::ObjectKey& key, ByteView bytes) {
    lose(key);
    EXPECT_TRUE(beneath_->put(key, bytes).ok());
  }
  void flip(const store::ObjectKey& key, size_t at, uint8_t bits = 0x10) {
    Bytes bytes = bytes_of(key);
    bytes[at % bytes.size()] ^= static_cast<std::byte>(bits);
    put(key, bytes);
  }
  void exchange(const store::ObjectKey& one, const store::ObjectKey& other) {
    const Bytes first = bytes_of(one);
    put(one, bytes_of(other));
    put(other, first);
  }

  const std::vector<catalog::BackupSummary>& backups() const { return archive_.backups(); }
  catalog::ScratchArchive& archive() { return archive_; }
  catalog::ScratchTimeline& log() { return log_; }
  ManualClock& clock() { return clock_; }
  SeededRandom& random() { return random_; }

  VerifyOptions options;
  bool says_names = true;  // or its backups are of a program that did not yet

 private:
  static constexpr uint32_t kBlock = 8192;
  static constexpr uint32_t kFrameBlocks = 4;

  std::unique_ptr<store::ObjectStore> store_with(Keys keys, uint64_t* opens_left = nullptr) {
    auto borrowed = std::make_unique<Borrowed>(*beneath_, opens_left);
    if (keys == Keys::kPlain) return borrowed;
    repo::EncryptionKeys at_hand{
        .recipients = {owner_.recipient()}, .hosts = {host_.recipient()}, .identities = {host_}};
    if (keys == Keys::kOwner) at_hand.identities.push_back(owner_);
    return repo::make_encrypted_store(std::move(borrowed), std::move(at_hand),
                                      catalog::protection_of, random_);
  }

  // Frames of some blocks in packs of a few frames.
  catalog::ManifestFile make_file(std::string name, uint32_t blocks) {
    catalog::ManifestFile file;
    file.name = std::move(name);
    file.mode = 0600;
    file.map.file_bytes = uint64_t{blocks} * kBlock;
    file.map.page_hashes.resize(blocks);
    for (uint32_t block = 0; block < blocks; block += kFrameBlocks) {
      const uint32_t count = std::min(kFrameBlocks, blocks - block);
      file.map.runs.push_back({block, count, static_cast<uint32_t>(file.map.frames.size()), 0});
      file.map.frames.push_back(store_frame(count));
    }
    return file;
  }
  catalog::ManifestFile with_changed_block(catalog::ManifestFile file) {
    file.map.frames.front() = store_frame(kFrameBlocks);
    return file;
  }
  repo::Frame store_frame(uint32_t blocks) {
    const Bytes content = random_.bytes(blocks * kBlock / 8);
    Bytes page;
    for (int i = 0; i < 8; ++i) page.insert(page.end(), content.begin(), content.end());
    codec::FrameEncoder encoder(3);
    const ByteView frame = encoder.encode(page);
    if (!packs_) {
      finisher_ = std::make_unique<repo::PackFinisher>(1);
      packs_ = std::make_unique<repo::PackWriter>(
          archive_.objects(), random_, archive_.wal().layout().pack_prefix(), 12'000, *finisher_);
    }
    repo::Frame stored;
    stored.location = packs_->append(frame).value();
    stored.content_bytes = static_cast<uint32_t>(page.size());
    stored.hash = codec::hash_content(page);
    stored.stored_hash = codec::hash_frame(frame);
    return stored;
  }

  void backup(double second) {
    archive_.put_all(log_);
    EXPECT_TRUE(packs_->close().ok());
    for (const auto& pack : finisher_->wait().value()) hashes_[pack.id] = pack.stored_hash;
    packs_.reset();
    log_.commit(700, second);
    const auto fill = [&](catalog::ManifestWriter& manifest, catalog::BackupSummary& summary,
                          catalog::ManifestConclusion& conclusion) {
      std::map<repo::PackId, uint64_t> uses;
      for (const catalog::ManifestFile* file : {&big_, &small_}) {
        EXPECT_TRUE(manifest.add(*file).ok());
        ++conclusion.files;
        conclusion.bytes += file->map.file_bytes;
        for (const repo::Frame& frame : file->map.frames) {
          uses[frame.location.pack] += frame.location.length;
        }
      }
      for (const auto& [id, bytes] : uses) {
        conclusion.packs.push_back({id, false, bytes, hashes_.at(id)});
        summary.packs.push_back("packs/" + id.text());
      }
      const catalog::Names names{{{5, "shop of " + summary.id.text, 1663, {}}}, {}, {}};
      const auto saved =
          catalog::put_names(archive_.objects(), archive_.wal().layout().names(summary.id), names);
      EXPECT_TRUE(saved.ok());
      if (says_names) conclusion.names_sha256 = saved.value();
    };
    archive_.backup(log_, second, second + 1, fill);
    archive_.put_all(log_);
  }

  const Keys keys_;
  SeededRandom random_{11};
  crypto::Identity owner_ = crypto::Identity::generate(random_);
  crypto::Identity host_ = crypto::Identity::generate(random_);
  std::unique_ptr<store::ObjectStore> beneath_ = store::make_memory_store();
  catalog::ScratchArchive archive_;
  catalog::ScratchTimeline log_{1};
  ManualClock clock_{catalog::at(1000)};
  std::unique_ptr<repo::PackFinisher> finisher_;
  std::unique_ptr<repo::PackWriter> packs_;
  std::map<repo::PackId, std::optional<codec::ContentHash>> hashes_;
  catalog::ManifestFile big_, small_;
};

}  // namespace walkback::verify
