#include "drill/evidence.h"

#include <algorithm>
#include <functional>

#include "catalog/sealed_message.h"
#include "drill/drill.pb.h"

namespace walkback::drill {

namespace {

constexpr uint16_t kVersion = 1;
constexpr int kCompressionLevel = 3;
constexpr size_t kLargest = 16u << 20;
constexpr size_t kLookedAt = 8;

Error damaged(const store::ObjectKey& key) {
  return make_error(ErrorKind::kCorrupt, key.text() + " is damaged: it holds no drill's evidence",
                    "restore this object from another copy of the repository");
}

proto::Evidence encode(const Evidence& evidence) {
  proto::Evidence message;
  message.set_id(evidence.id);
  message.set_target_lsn(evidence.target_lsn.value);
  for (const Proof& proof : evidence.proofs) {
    proto::Proof& one = *message.add_proof();
    one.set_name(proof.name);
    one.set_outcome(static_cast<uint32_t>(proof.outcome));
    one.set_text(proof.text);
    for (const std::string& line : proof.details) one.add_detail(line);
    one.set_duration_s(proof.duration_s);
  }
  for (const TableRows& table : evidence.rows) {
    proto::Rows& one = *message.add_rows();
    one.set_database(table.database);
    one.set_schema(table.schema);
    one.set_table(table.table);
    one.set_rows(table.rows);
  }
  return message;
}

}  // namespace

Result<void> put_evidence(store::ObjectStore& objects, const catalog::LineageLayout& layout,
                          Evidence evidence) {
  if (evidence.rows.size() > kMostTablesKept) {
    std::ranges::sort(evidence.rows, std::greater<>(), &TableRows::rows);
    evidence.rows.resize(kMostTablesKept);
  }
  TRY(catalog::put_sealed(objects, layout.drill(evidence.id), repo::SealedKind::kDrill, kVersion,
                          kCompressionLevel, encode(evidence).SerializeAsString()));
  return success();
}

Result<Evidence> get_evidence(store::ObjectStore& objects, const catalog::LineageLayout& layout,
                              const std::string& id) {
  const store::ObjectKey key = layout.drill(id);
  const Bytes payload =
      TRY(catalog::get_sealed(objects, key, repo::SealedKind::kDrill, kVersion, kLargest));
  proto::Evidence message;
  if (!message.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return damaged(key);
  }
  Evidence evidence;
  evidence.id = message.id();
  evidence.target_lsn = {message.target_lsn()};
  for (const proto::Proof& one : message.proof()) {
    if (one.outcome() > static_cast<uint32_t>(ProofOutcome::kNotProved)) return damaged(key);
    Proof proof{
        one.name(), static_cast<ProofOutcome>(one.outcome()), one.text(), {}, one.duration_s()};
    proof.details.assign(one.detail().begin(), one.detail().end());
    evidence.proofs.push_back(std::move(proof));
  }
  for (const proto::Rows& one : message.rows()) {
    evidence.rows.push_back({one.database(), one.schema(), one.table(), one.rows()});
  }
  return evidence;
}

Result<std::optional<Evidence>> evidence_before(store::ObjectStore& objects,
                                                const catalog::LineageLayout& layout, pg::Lsn at) {
  std::vector<std::string> ids;  // which begin with the time
  TRY(objects.list(layout.drills_folder(), "", [&](const store::ObjectInfo& info) {
    std::string id = info.key.text().substr(layout.drills_folder().size());
    ids.push_back(id.substr(0, id.find('.')));
    return true;
  }));
  std::ranges::sort(ids, std::greater<>());
  ids.resize(std::min(ids.size(), kLookedAt));
  for (const std::string& id : ids) {
    Evidence evidence = TRY(get_evidence(objects, layout, id));
    if (!evidence.rows.empty() && evidence.target_lsn <= at)
      return std::optional(std::move(evidence));
  }
  return std::optional<Evidence>();
}

}  // namespace walkback::drill
