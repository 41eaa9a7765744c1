#include "verify/verify.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "catalog/events.h"
#include "catalog/leases.h"
#include "verify/testing/scratch_repository.h"

namespace walkback::verify {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const ClassReport& of(const VerifyReport& report, ObjectClass one) {
  return report.classes[static_cast<size_t>(one)];
}
uint64_t count(const VerifyReport& report, ObjectClass one, Proof proof) {
  return of(report, one).by_proof[static_cast<size_t>(proof)];
}
std::string text_of(const VerifyReport& report) {
  std::string text;
  for (const Finding& finding : report.findings) {
    text += fmt::format("{} {}: {}\n", trouble_name(finding.trouble), finding.object, finding.text);
  }
  return text;
}

// The first finding that is of this object.
const Finding* finding_of(const VerifyReport& report, const store::ObjectKey& key) {
  for (const Finding& finding : report.findings) {
    if (finding.object == key.text()) return &finding;
  }
  return nullptr;
}

void expect_damage(const VerifyReport& report, const store::ObjectKey& key,
                   std::string_view says = "") {
  const Finding* finding = finding_of(report, key);
  ASSERT_NE(finding, nullptr) << key.text() << " is not among\n" << text_of(report);
  EXPECT_THAT(finding->text, HasSubstr(std::string(says)));
}

class WithAnyKeys : public testing::TestWithParam<Keys> {
 protected:
  WithAnyKeys() : repository_(GetParam()) { repository_.fill(); }
  bool opens_data() const { return GetParam() != Keys::kHostOnly; }
  ScratchRepository repository_;
};
std::string name_of(const testing::TestParamInfo<Keys>& info) {
  constexpr const char* kNames[] = {"Plain", "Owner", "HostOnly"};
  return kNames[static_cast<size_t>(info.param)];
}
INSTANTIATE_TEST_SUITE_P(Keys, WithAnyKeys,
                         testing::Values(Keys::kPlain, Keys::kOwner, Keys::kHostOnly), name_of);

TEST_P(WithAnyKeys, AWholeRepositoryIsSoundAndEachProofIsWhatTheKeysAllow) {
  const VerifyReport report = repository_.verify();
  EXPECT_EQ(text_of(report), "");
  EXPECT_EQ(report.backups, 2u);
  EXPECT_EQ(report.all_proved(), opens_data());
  const Proof packs = opens_data() ? Proof::kProved : Proof::kAsWritten;
  const Proof segments = opens_data() ? Proof::kProved : Proof::kSeen;
  EXPECT_EQ(count(report, ObjectClass::kPacks, packs), repository_.stored("/packs/").size());
  EXPECT_EQ(count(report, ObjectClass::kSegments, segments), repository_.segments().size());
  for (const ObjectClass one :
       {ObjectClass::kManifests, ObjectClass::kMaps, ObjectClass::kIndexes}) {
    EXPECT_GT(of(report, one).objects, 0u) << class_name(one);
    EXPECT_EQ(count(report, one, Proof::kProved), of(report, one).objects) << class_name(one);
  }
  // A manifest, a summary and names of each backup.
  EXPECT_EQ(of(report, ObjectClass::kManifests).objects, 6u);
}

TEST_P(WithAnyKeys, WhatWasReadIsNotReadAgainUnlessDeep) {
  const VerifyReport first = repository_.verify();
  const VerifyReport second = repository_.verify();
  EXPECT_TRUE(second.sound());
  EXPECT_EQ(second.read_bytes(), 0u);
  EXPECT_EQ(second.objects(), first.objects());
  for (int one = 0; one < kObjectClasses; ++one) {
    EXPECT_EQ(second.classes[static_cast<size_t>(one)].by_proof,
              first.classes[static_cast<size_t>(one)].by_proof);
  }
  const VerifyReport deep = repository_.verify(true);
  EXPECT_EQ(deep.read_bytes(), first.read_bytes());
  EXPECT_FALSE(deep.resumed_from);
  EXPECT_GT(of(deep, ObjectClass::kPacks).oldest_proof,
            of(second, ObjectClass::kPacks).oldest_proof);
}

TEST_P(WithAnyKeys, AMissingPackIsFoundWithTheBackupsThatNeedIt) {
  EXPECT_TRUE(repository_.verify().sound());
  for (const store::ObjectKey& pack : repository_.stored("/packs/")) {
    const Bytes bytes = repository_.bytes_of(pack);
    repository_.lose(pack);
    const VerifyReport report = repository_.verify();
    expect_damage(report, pack, "not there");
    EXPECT_EQ(finding_of(report, pack)->trouble, Trouble::kMissing);
    EXPECT_THAT(finding_of(report, pack)->backups, testing::Not(IsEmpty()));
    repository_.put(pack, bytes);
  }
  EXPECT_TRUE(repository_.verify().sound());
}

TEST_P(WithAnyKeys, ABitFlipIsFoundInEveryKindOfObject) {
  if (!opens_data()) {
    EXPECT_TRUE(repository_.verify().sound());  // so that segments can be compared
  }
  for (const char* part : {"/packs/", "/maps/", "/manifest.zst", "/names.zst", "/summary.json",
                           ".index.zst", ".settings.zst", "/wal/"}) {
    const store::ObjectKey key = repository_.stored(part).back();
    const Bytes bytes = repository_.bytes_of(key);
    repository_.flip(key, bytes.size() / 2);
    const VerifyReport report = repository_.verify(true);
    expect_damage(report, key);
    EXPECT_FALSE(report.sound());
    repository_.put(key, bytes);
  }
  EXPECT_TRUE(repository_.verify(true).sound());
}

TEST_P(WithAnyKeys, WhatWasFoundIsFoundAgainUntilItIsMended) {
  const store::ObjectKey pack = repository_.stored("/packs/").front();
  const Bytes bytes = repository_.bytes_of(pack);
  repository_.flip(pack, bytes.size() / 2);
  expect_damage(repository_.verify(), pack);
  expect_damage(repository_.verify(), pack);
  repository_.put(pack, bytes);
  EXPECT_TRUE(repository_.verify().sound());
}

TEST_P(WithAnyKeys, WhatADeepRunFoundIsFoundUntilItIsMended) {
  ScratchRepository repository(GetParam());
  repository.fill();
  ASSERT_TRUE(repository.verify().sound());
  for (const std::string_view kind : {"/packs/", "/maps/", "/manifest.zst", "/wal/"}) {
    const store::ObjectKey key =
        kind == "/wal/" ? repository.segments().front() : repository.stored(kind).front();
    const Bytes right = repository.bytes_of(key);
    repository.flip(key, right.size() / 2);
    EXPECT_FALSE(repository.verify(true).sound()) << key.text();
    EXPECT_FALSE(repository.verify().sound()) << key.text() << " was proved once";
    EXPECT_FALSE(repository.verify().sound()) << key.text();
    repository.put(key, right);
    EXPECT_TRUE(repository.verify().sound()) << key.text();
    EXPECT_TRUE(repository.verify().sound()) << key.text();
  }
}

TEST_P(WithAnyKeys, SwappedObjectsAreFound) {
  if (!opens_data()) {
    EXPECT_TRUE(repository_.verify().sound());
  }
  for (const char* part :
       {"/packs/", "/maps/", "/manifest.zst", "/names.zst", ".index.zst", "/summary.json"}) {
    const std::vector<store::ObjectKey> keys = repository_.stored(part);
    ASSERT_GE(keys.size(), 2u) << part;
    repository_.exchange(keys.front(), keys.back());
    const VerifyReport report = repository_.verify(true);
    expect_damage(report, keys.front());
    expect_damage(report, keys.back());
    repository_.exchange(keys.front(), keys.back());
  }
  const std::vector<store::ObjectKey> segments = repository_.segments();
  repository_.exchange(segments.front(), segments.back());
  const VerifyReport report = repository_.verify(true);
  expect_damage(report, segments.front());
  expect_damage(report, segments.back());
}

TEST_P(WithAnyKeys, ARolledBackManifestIsFound) {
  const std::vector<store::ObjectKey> manifests = repository_.stored("/manifest.zst");
  const std::vector<store::ObjectKey> summaries = repository_.stored("/summary.json");
  repository_.put(manifests.back(), repository_.bytes_of(manifests.front()));
  expect_damage(repository_.verify(), manifests.back(),
                "not the manifest that the summary beside it was written with");
  // And with its summary: the whole backup is an older one.
  repository_.put(summaries.back(), repository_.bytes_of(summaries.front()));
  expect_damage(repository_.verify(), summaries.back(), "summary of another backup");
}

TEST_P(WithAnyKeys, NamesOfAnotherBackupAreFound) {
  const std::vector<store::ObjectKey> names = repository_.stored("/names.zst");
  repository_.put(names.back(), repository_.bytes_of(names.front()));
  const VerifyReport report = repository_.verify();
  expect_damage(report, names.back(), "another's");
  EXPECT_EQ(report.findings.size(), 1u) << text_of(report);
  EXPECT_THAT(report.findings[0].backups, ElementsAre("backup-2"));
  // When all else is settled, too.
  expect_damage(repository_.verify(), names.back(), "another's");
}

TEST_P(WithAnyKeys, LostNamesAreFoundWithTheManifestReadAndWithItSettled) {
  const store::ObjectKey names = repository_.stored("/names.zst").back();
  const Bytes bytes = repository_.bytes_of(names);
  for (const bool seen : {false, true}) {
    if (seen) {
      repository_.put(names, bytes);
      EXPECT_TRUE(repository_.verify().sound());
    }
    repository_.lose(names);
    for (const bool deep : {false, true, false}) {
      const VerifyReport report = repository_.verify(deep);
      expect_damage(report, names, "not there");
      EXPECT_EQ(finding_of(report, names)->trouble, Trouble::kMissing);
    }
  }
}

TEST(Verify, ABackupThatSavedNoNamesLacksNone) {
  ScratchRepository repository;
  repository.says_names = false;
  repository.fill();
  repository.lose(repository.stored("/names.zst").back());
  EXPECT_TRUE(repository.verify().sound());
  EXPECT_TRUE(repository.verify(true).sound());
  // And of an older program's, what a run saw is missed.
  repository.lose(repository.stored("/names.zst").front());
  EXPECT_FALSE(repository.verify().sound());
}

TEST_P(WithAnyKeys, AMissingSegmentIsAGapOrABrokenBackup) {
  const store::ObjectKey between = repository_.segments()[1];
  const Bytes bytes = repository_.bytes_of(between);
  repository_.lose(between);
  const VerifyReport report = repository_.verify();
  expect_damage(report, between);
  EXPECT_EQ(report.findings.size(), 1u) << text_of(report);
  repository_.put(between, bytes);
  EXPECT_TRUE(repository_.verify().sound());
}

// Between the second backup, which a tier may keep, and a third.
TEST_P(WithAnyKeys, WalThatRetentionTookAwayIsNotMissed) {
  repository_.archive().backup(repository_.log(), 40, 41);
  repository_.archive().put_all(repository_.log());
  const store::ObjectKey between = repository_.segments()[2];
  repository_.lose(between);
  expect_damage(repository_.verify(), between);
  catalog::Promise& promise = repository_.options.promise;
  promise.thins_out = true;
  EXPECT_TRUE(repository_.verify().sound()) << text_of(repository_.verify());
  promise.count = 1;
  EXPECT_TRUE(repository_.verify().sound()) << text_of(repository_.verify());
  promise.count = 2;
  expect_damage(repository_.verify(), between);
  promise = {};
  promise.window = std::chrono::hours(24);
  expect_damage(repository_.verify(), between);
}

TEST_P(WithAnyKeys, AFindingOfASegmentSaysWhichBackupsAndMomentsAreLostWithIt) {
  repository_.archive().backup(repository_.log(), 40, 41);
  repository_.archive().put_all(repository_.log());
  ASSERT_TRUE(repository_.verify().sound());
  // Between the second backup and the third.
  const store::ObjectKey between = repository_.segments()[2];
  const Bytes bytes = repository_.bytes_of(between);
  repository_.lose(between);
  VerifyReport report = repository_.verify();
  const Finding* finding = finding_of(report, between);
  ASSERT_NE(finding, nullptr) << text_of(report);
  EXPECT_THAT(finding->backups, IsEmpty());
  ASSERT_TRUE(finding->lost);
  EXPECT_EQ(finding->lost->after, catalog::at(21));
  EXPECT_EQ(finding->lost->until, catalog::at(41));
  repository_.put(between, bytes);
  // In which the second was taken.
  const store::ObjectKey own = repository_.segments()[1];
  repository_.flip(own, repository_.bytes_of(own).size() / 2);
  report = repository_.verify(true);
  finding = finding_of(report, own);
  ASSERT_NE(finding, nullptr) << text_of(report);
  EXPECT_THAT(finding->backups, ElementsAre("backup-2"));
  ASSERT_TRUE(finding->lost);
  EXPECT_EQ(finding->lost->after, catalog::at(11));
  EXPECT_EQ(finding->lost->until, catalog::at(41));
}

TEST_P(WithAnyKeys, BehindTheLastBackupAllIsLostUntilAnotherIsTaken) {
  ASSERT_TRUE(repository_.verify().sound());
  const store::ObjectKey behind = repository_.segments()[3];
  repository_.flip(behind, repository_.bytes_of(behind).size() / 2);
  const VerifyReport report = repository_.verify(true);
  const Finding* finding = finding_of(report, behind);
  ASSERT_NE(finding, nullptr) << text_of(report);
  ASSERT_TRUE(finding->lost);
  EXPECT_EQ(finding->lost->after, catalog::at(25)) << "the last commit before";
  EXPECT_EQ(finding->lost->until, std::nullopt);
}

TEST(Verify, ASegmentThatNoBackupNeedsIsSaidToBeNeededByNone) {
  ScratchRepository repository;
  repository.fill();
  for (const auto& key : repository.stored("/backups/")) repository.lose(key);
  repository.flip(repository.segments().front(), 5000);
  const VerifyReport report = repository.verify();
  expect_damage(report, repository.segments().front(), "no backup needs it");
  EXPECT_FALSE(report.findings.front().lost);
}

TEST_P(WithAnyKeys, ALostIndexIsNoDamageAndSaid) {
  const store::ObjectKey index = repository_.stored(".index.zst").front();
  repository_.lose(index);
  for (const bool deep : {false, false, true}) {
    const VerifyReport report = repository_.verify(deep);
    EXPECT_EQ(text_of(report), "");
    EXPECT_THAT(report.warnings, ElementsAre(HasSubstr("has no index")));
  }
}

TEST_P(WithAnyKeys, ALostSignOfChangedSettingsIsFoundUntilItIsMended) {
  const store::ObjectKey sign = repository_.stored(".settings.zst").front();
  const Bytes right = repository_.bytes_of(sign);
  repository_.lose(sign);
  for (const bool deep : {false, false, true}) {
    expect_damage(repository_.verify(deep), sign, "may show moments that cannot be recovered");
  }
  repository_.put(sign, right);
  EXPECT_TRUE(repository_.verify().sound());
  EXPECT_EQ(repository_.verify().read_bytes(), 0u);
  // Since: no index need be read for that.
  repository_.lose(sign);
  for (int run = 0; run < 40; ++run) repository_.verify(true);
  expect_damage(repository_.verify(), sign);
  EXPECT_EQ(finding_of(repository_.verify(), sign)->trouble, Trouble::kMissing);
}

TEST_P(WithAnyKeys, ASignOfChangedSettingsWithoutReasonIsFound) {
  EXPECT_TRUE(repository_.verify().sound());
  const store::ObjectKey sign = repository_.stored(".settings.zst").front();
  std::string other = sign.text();
  const size_t digit = other.find(".settings") - 1;
  other[digit] = other[digit] == '1' ? '2' : '1';
  repository_.put(store::ObjectKey(other), repository_.bytes_of(sign));
  expect_damage(repository_.verify(), store::ObjectKey(other), "the index beside it");
  expect_damage(repository_.verify(), store::ObjectKey(other), "the index beside it");
  repository_.lose(store::ObjectKey(other));
  EXPECT_TRUE(repository_.verify().sound()) << text_of(repository_.verify());
}

// As before: what such a segment holds is read by whoever needs it, sign or not.
TEST_P(WithAnyKeys, ASignBesideASegmentWithoutAnIndexMayBeOrNot) {
  EXPECT_TRUE(repository_.verify().sound());
  const store::ObjectKey sign = repository_.stored(".settings.zst").front();
  std::string index = sign.text();
  index.replace(index.find(".settings"), 9, ".index");
  repository_.lose(store::ObjectKey(index));
  EXPECT_TRUE(repository_.verify().sound());
  repository_.lose(sign);
  EXPECT_TRUE(repository_.verify().sound()) << text_of(repository_.verify());
}

TEST_P(WithAnyKeys, APackOfAnotherSizeThanBeforeIsReadAgain) {
  EXPECT_TRUE(repository_.verify().sound());
  const store::ObjectKey pack = repository_.stored("/packs/").front();
  Bytes bytes = repository_.bytes_of(pack);
  bytes.push_back(std::byte{0});
  repository_.put(pack, bytes);
  expect_damage(repository_.verify(), pack);
}

// Of any byte of any object: found, or what it decodes to is the same. Objects that walkback does
// not read to recover (keys, events) are not among them.
TEST_P(WithAnyKeys, ARandomByteAnywhereIsFoundByADeepVerify) {
  if (!opens_data()) {
    EXPECT_TRUE(repository_.verify().sound());
  }
  std::vector<store::ObjectKey> keys = repository_.stored("/");
  std::erase_if(keys,
                [](const store::ObjectKey& key) { return key.text().ends_with("/lineage.json"); });
  int found = 0;
  constexpr int kChanges = 30;
  for (int change = 0; change < kChanges; ++change) {
    uint64_t draw[3] = {};
    repository_.random().fill({reinterpret_cast<std::byte*>(draw), sizeof draw});
    const store::ObjectKey& key = keys[draw[0] % keys.size()];
    const Bytes bytes = repository_.bytes_of(key);
    repository_.flip(key, draw[1] % bytes.size(), static_cast<uint8_t>(1 << draw[2] % 8));
    const VerifyReport report = repository_.verify(true);
    if (!report.sound()) {
      ++found;
      EXPECT_NE(finding_of(report, key), nullptr)
          << key.text() << " byte " << draw[1] % bytes.size() << "\n"
          << text_of(report);
    } else {
      // A bit of a zstd frame's header that changes nothing of what it holds, in plain WAL only:
      // all else has a hash of its stored bytes.
      ASSERT_EQ(GetParam(), Keys::kPlain) << key.text();
      ASSERT_THAT(key.text(), HasSubstr("/wal/"));
      const auto limit = catalog::ScratchTimeline::kSegmentBytes;
      EXPECT_EQ(codec::decode_stream(repository_.bytes_of(key), limit).value(),
                codec::decode_stream(bytes, limit).value());
    }
    repository_.put(key, bytes);
  }
  EXPECT_GT(found, kChanges * 9 / 10);
}

TEST_P(WithAnyKeys, ARunThatWasCutOffGoesOnWhereItWas) {
  repository_.options.workers = 1;
  const VerifyReport whole = repository_.verify(true);
  const uint64_t packs = of(whole, ObjectClass::kPacks).read;
  ASSERT_GE(packs, 4u);
  // Enough for the look whether keys open anything, and two packs; who has no key opens each twice.
  uint64_t opens_left = opens_data() ? 3 : 8;
  const auto cut = repository_.try_verify(GetParam(), true, &opens_left);
  ASSERT_FALSE(cut.ok());
  const VerifyReport rest = repository_.verify(true);
  EXPECT_TRUE(rest.sound());
  EXPECT_TRUE(rest.resumed_from);
  EXPECT_LT(of(rest, ObjectClass::kPacks).read, packs);
  EXPECT_GT(of(rest, ObjectClass::kPacks).read, 0u);
  EXPECT_EQ(of(rest, ObjectClass::kPacks).objects, of(whole, ObjectClass::kPacks).objects);
  // It ended: the next one is a run of its own.
  const VerifyReport next = repository_.verify(true);
  EXPECT_FALSE(next.resumed_from);
  EXPECT_EQ(of(next, ObjectClass::kPacks).read, packs);
}

TEST_P(WithAnyKeys, AllIsFoundWithRoomForFewFramesAtATime) {
  repository_.options.frames_in_memory = 3;
  const VerifyReport report = repository_.verify();
  EXPECT_EQ(text_of(report), "");
  EXPECT_EQ(of(report, ObjectClass::kPacks).objects, repository_.stored("/packs/").size());
  const auto packs = repository_.stored("/packs/");
  repository_.exchange(packs.front(), packs.back());
  const VerifyReport swapped = repository_.verify(true);
  expect_damage(swapped, packs.front());
  expect_damage(swapped, packs.back());
}

TEST_P(WithAnyKeys, ADamagedRecordIsPassedOverAndTheWorkDoneAgain) {
  const VerifyReport first = repository_.verify();
  std::vector<store::ObjectKey> records;
  ASSERT_TRUE(repository_.archive()
                  .objects()
                  .list(repository_.archive().wal().layout().verified_folder(), "",
                        [&](const store::ObjectInfo& info) {
                          records.push_back(info.key);
                          return true;
                        })
                  .ok());
  ASSERT_FALSE(records.empty());
  for (const store::ObjectKey& record : records) {
    const bool encrypted = GetParam() != Keys::kPlain;
    repository_.flip(encrypted ? store::ObjectKey(record.text() + ".age") : record, 60);
  }
  const VerifyReport again = repository_.verify();
  EXPECT_TRUE(again.sound());
  EXPECT_EQ(again.read_bytes(), first.read_bytes());
}

TEST_P(WithAnyKeys, ManyRecordsBecomeFewAndSayTheSame) {
  repository_.verify();
  for (int run = 0; run < 40; ++run) repository_.verify(true);
  size_t records = 0;
  ASSERT_TRUE(repository_.archive()
                  .objects()
                  .list(repository_.archive().wal().layout().verified_folder(), "",
                        [&](const store::ObjectInfo&) { return ++records; })
                  .ok());
  EXPECT_LT(records, 34u);
  EXPECT_EQ(repository_.verify().read_bytes(), 0u);
}

TEST_P(WithAnyKeys, TheHistorySaysHowItEnded) {
  repository_.verify();
  repository_.lose(repository_.stored("/packs/").front());
  repository_.verify(true);
  const auto events = catalog::list_events(repository_.archive().objects(), "main").value();
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_EQ(events[0].kind, "verify");
  EXPECT_TRUE(events[0].succeeded);
  EXPECT_THAT(events[0].detail, HasSubstr("objects proved, 0 in trouble"));
  EXPECT_FALSE(events[1].succeeded);
  EXPECT_THAT(events[1].error, HasSubstr("/packs/"));
}

TEST(Verify, AnOwnersKeyProvesWhatTheHostCouldNot) {
  ScratchRepository repository(Keys::kHostOnly);
  repository.fill();
  EXPECT_FALSE(repository.verify().all_proved());
  const VerifyReport owner = repository.verify_as(Keys::kOwner);
  EXPECT_TRUE(owner.all_proved());
  EXPECT_EQ(of(owner, ObjectClass::kPacks).read, repository.stored("/packs/").size());
  // And the host takes its word, until it reads for itself.
  const VerifyReport host = repository.verify();
  EXPECT_TRUE(host.all_proved());
  EXPECT_EQ(host.read_bytes(), 0u);
}

TEST(Verify, APackThatIsDamagedWhereItsKeysStandIsNotTakenForSomebodyElses) {
  ScratchRepository repository(Keys::kOwner);
  repository.fill();
  for (const auto& key : {repository.stored("/packs/")[3], repository.segments().front()}) {
    repository.flip(key, 60);  // in the stanza of the recipient
    const VerifyReport report = repository.verify(true);
    EXPECT_NE(finding_of(report, key), nullptr) << text_of(report);
  }
}

TEST(Verify, WithoutAKeyNothingOfASegmentThatWasDamagedBeforeItWasFirstReadIsCalledProved) {
  ScratchRepository repository(Keys::kHostOnly);
  repository.fill();
  repository.flip(repository.segments().front(), 5000);
  const VerifyReport host = repository.verify();
  EXPECT_TRUE(host.sound());
  EXPECT_EQ(count(host, ObjectClass::kSegments, Proof::kProved), 0u);
  expect_damage(repository.verify_as(Keys::kOwner), repository.segments().front());
}

// What the host can open in the place of what it cannot, and the other way round: each is found,
// and nothing else is taken for damaged because of it.
TEST(Verify, ObjectsForOtherKeysThatAreExchangedAreTheFindingsAndNothingElse) {
  for (const bool seen : {false, true}) {
    for (const std::string_view part : {".settings.zst", ".index.zst", "/names.zst"}) {
      ScratchRepository repository(Keys::kHostOnly);
      repository.fill();
      if (seen) {
        ASSERT_TRUE(repository.verify().sound());
      }
      const store::ObjectKey segment = repository.segments().back();
      const store::ObjectKey other = repository.stored(part).back();
      repository.exchange(segment, other);
      const VerifyReport report = repository.verify(true);
      expect_damage(report, segment);
      expect_damage(report, other);
      EXPECT_EQ(report.findings.size(), 2u) << part << "\n" << text_of(report);
    }
  }
}

TEST(Verify, AMapInThePlaceOfAPackMakesNoFindingsOfTheOtherPacks) {
  ScratchRepository repository(Keys::kHostOnly);
  repository.fill();
  const auto pack = repository.stored("/packs/").back(), map = repository.stored("/maps/").back();
  repository.exchange(pack, map);
  const VerifyReport report = repository.verify(true);
  expect_damage(report, map);
  for (const Finding& finding : report.findings) {
    EXPECT_THAT(finding.object,
                testing::AnyOf(pack.text(), map.text(), HasSubstr("/manifest.zst")));
  }
}

// In the history, as one that ended well.
void put_on_record(ScratchRepository& repository, const catalog::BackupSummary& backup) {
  catalog::Event event;
  event.id = backup.id.text;
  event.kind = "backup";
  event.backup = backup;
  catalog::EventRecorder recorder(repository.archive().objects(), "main", repository.clock());
  ASSERT_TRUE(recorder.begin(event).ok());
  ASSERT_TRUE(recorder.end(event, nullptr).ok());
}

TEST(Verify, ABackupWhoseManifestIsGoneIsMissedByTheHistory) {
  ScratchRepository repository;
  repository.fill();
  put_on_record(repository, repository.backups().back());
  EXPECT_TRUE(repository.verify().sound());
  const store::ObjectKey manifest = repository.stored("/manifest.zst").back();
  repository.lose(manifest);
  const VerifyReport report = repository.verify();
  expect_damage(report, manifest, "its manifest is not");
  EXPECT_EQ(finding_of(report, manifest)->trouble, Trouble::kMissing);
}

// A prune that ended and says what it removed, or is of a program that did not.
void put_prune_on_record(ScratchRepository& repository,
                         std::optional<std::vector<catalog::BackupId>> removed) {
  catalog::Event event = catalog::new_event("prune", repository.clock(), repository.random());
  if (removed) event.removed.emplace();
  catalog::EventRecorder recorder(repository.archive().objects(), "main", repository.clock());
  ASSERT_TRUE(recorder.begin(event).ok());
  event.removed = std::move(removed);
  ASSERT_TRUE(recorder.end(event, nullptr).ok());
}

class ALostBackup : public testing::Test {
 protected:
  ALostBackup() {
    repository_.fill();
    put_on_record(repository_, repository_.backups().front());
    EXPECT_TRUE(repository_.verify().sound());
    for (const auto& key : repository_.stored("/backup-1/")) repository_.lose(key);
  }
  const store::ObjectKey manifest_{"clusters/main/" + std::to_string(wal::TestLog::kSystem.value) +
                                   "/backups/backup-1/manifest.zst"};
  ScratchRepository repository_;
};

TEST_F(ALostBackup, IsMissedByTheHistoryUntilAPruneSaysThatItTookIt) {
  for (const bool deep : {false, true}) {
    const VerifyReport report = repository_.verify(deep);
    expect_damage(report, manifest_, "nothing of it is there");
    EXPECT_EQ(report.findings.size(), 1u) << text_of(report);
    EXPECT_THAT(report.findings[0].backups, ElementsAre("backup-1"));
  }
  put_prune_on_record(repository_, std::vector<catalog::BackupId>{{"another"}});
  expect_damage(repository_.verify(), manifest_);
  put_prune_on_record(repository_, std::vector<catalog::BackupId>{{"backup-1"}});
  EXPECT_TRUE(repository_.verify().sound());
}

TEST_F(ALostBackup, MayHaveBeenTakenByAPruneOfAnOlderProgram) {
  put_prune_on_record(repository_, std::nullopt);
  EXPECT_TRUE(repository_.verify().sound());
}

TEST_F(ALostBackup, IsNoneWhileAMarkSaysThatItGoes) {
  catalog::PruneMark mark{"1234", repository_.archive().wal().lineage().system_identifier, {}, {}};
  mark.removed = {{"backup-1"}};
  ASSERT_TRUE(catalog::put_mark(repository_.archive().objects(), "main", mark).ok());
  EXPECT_TRUE(repository_.verify().sound());
  ASSERT_TRUE(catalog::remove_mark(repository_.archive().objects(), "main", mark.lease).ok());
  EXPECT_FALSE(repository_.verify().sound());
}

TEST_F(ALostBackup, IsNotKnownToBeOneWhereNotAllOfTheHistoryCanBeRead) {
  put_prune_on_record(repository_, std::vector<catalog::BackupId>{});
  store::ObjectStore& objects = repository_.archive().objects();
  std::vector<store::ObjectKey> ends;
  ASSERT_TRUE(objects
                  .list("clusters/main/events/", "",
                        [&](const store::ObjectInfo& info) {
                          if (info.key.text().ends_with(".end.json")) ends.push_back(info.key);
                          return true;
                        })
                  .ok());
  std::erase_if(ends,
                [](const auto& key) { return key.text().find("backup-1") != key.text().npos; });
  repository_.archive().overwrite(ends.back(), "damaged");
  const VerifyReport report = repository_.verify();
  EXPECT_TRUE(report.sound()) << text_of(report);
  EXPECT_THAT(report.warnings, Contains(HasSubstr("whether a prune removed it is not known")));
}

TEST(Verify, WhatAKilledPruneLeftIsNoLoss) {
  ScratchRepository repository;
  repository.fill();
  put_on_record(repository, repository.backups().front());
  catalog::PruneMark mark{"1234", repository.archive().wal().lineage().system_identifier, {}, {}};
  mark.thinned = {repository.backups().front().id};
  ASSERT_TRUE(catalog::put_mark(repository.archive().objects(), "main", mark).ok());
  repository.lose(repository.stored("/manifest.zst").front());
  EXPECT_FALSE(repository.verify().sound()) << "a mark that lets it stay explains nothing";
  ASSERT_TRUE(catalog::remove_mark(repository.archive().objects(), "main", mark.lease).ok());
  mark.removed = {repository.backups().front().id};
  ASSERT_TRUE(catalog::put_mark(repository.archive().objects(), "main", mark).ok());
  EXPECT_TRUE(repository.verify().sound());
}

TEST(Verify, ADamagedOrLostLineageIsAFindingAndTheOthersAreVerified) {
  ScratchRepository repository;
  repository.fill();
  const catalog::LineageLayout other("main", {7});
  ASSERT_TRUE(repository.archive().objects().put(other.lineage(), as_bytes("damaged")).ok());
  VerifyReport report = repository.verify();
  expect_damage(report, other.lineage(), "none was verified");
  EXPECT_EQ(report.findings.size(), 1u) << text_of(report);
  EXPECT_EQ(report.backups, 2u);
  repository.lose(other.lineage());
  EXPECT_TRUE(repository.verify().sound()) << "nothing of it is there";
  ASSERT_TRUE(repository.archive().objects().put(other.manifest({"x"}), as_bytes("x")).ok());
  report = repository.verify();
  expect_damage(report, other.lineage(), "not there; without it");
  EXPECT_EQ(finding_of(report, other.lineage())->trouble, Trouble::kMissing);
}

TEST(Verify, NoFasterThanTheLimit) {
  ScratchRepository repository;
  repository.fill();
  repository.options.limit_bytes_per_s = 10'000;
  const VerifyReport report = repository.verify();
  EXPECT_TRUE(report.sound());
  EXPECT_GE(report.duration_s * 10'000, 0.8 * static_cast<double>(report.read_bytes()));
}

TEST(Verify, ARepositoryWithoutBackupsIsSound) {
  ScratchRepository repository;
  EXPECT_TRUE(repository.verify().sound());
}

}  // namespace
}  // namespace walkback::verify
