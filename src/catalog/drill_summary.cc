#include "catalog/drill_summary.h"

#include <fmt/format.h>

#include <charconv>

#include "catalog/json.h"

namespace walkback::catalog {

namespace {

constexpr ProofOutcome kOutcomes[] = {ProofOutcome::kProved, ProofOutcome::kFailed,
                                      ProofOutcome::kNotProved};

Result<DrillSummary::Proof> decode_proof(const Json& json, std::string_view name) {
  JsonFields fields(json, name);
  DrillSummary::Proof proof;
  proof.name = fields.text("name");
  const std::string outcome = fields.text("outcome");
  TRY(fields.done());
  for (const ProofOutcome known : kOutcomes) {
    if (outcome != proof_outcome_name(known)) continue;
    proof.outcome = known;
    return proof;
  }
  return make_error(ErrorKind::kCorrupt,
                    fmt::format("{}: \"{}\" is no outcome of a proof", name, outcome));
}

}  // namespace

std::string_view proof_outcome_name(ProofOutcome outcome) {
  switch (outcome) {
    case ProofOutcome::kProved:
      return "proved";
    case ProofOutcome::kFailed:
      return "failed";
    case ProofOutcome::kNotProved:
      return "not_proved";
  }
  return {};
}

std::string encode_drill(const DrillSummary& drill) {
  Json json;
  json["system_identifier"] = fmt::format("{}", drill.system_identifier.value);
  json["backup"] = drill.backup.text;
  json["target"] = drill.target;
  json["seed"] = drill.seed ? Json(*drill.seed) : Json(nullptr);
  json["timeline"] = drill.timeline.value;
  json["target_lsn"] = drill.target_lsn.text();
  json["target_time"] = drill.target_time ? Json(to_iso_utc(*drill.target_time)) : Json(nullptr);
  json["proofs"] = Json::array();
  for (const DrillSummary::Proof& proof : drill.proofs) {
    json["proofs"].push_back(
        {{"name", proof.name}, {"outcome", proof_outcome_name(proof.outcome)}});
  }
  json["bytes_written"] = drill.bytes_written;
  json["bytes_fetched"] = drill.bytes_fetched;
  json["wal_bytes"] = drill.wal_bytes;
  json["restore_s"] = drill.restore_s;
  json["replay_s"] = drill.replay_s;
  json["prove_s"] = drill.prove_s;
  json["total_s"] = drill.total_s;
  return to_text(json);
}

Result<DrillSummary> decode_drill(ByteView bytes, std::string_view name) {
  const Json json = TRY(parse_json(bytes, name));
  JsonFields fields(json, name);
  DrillSummary drill;
  const std::string identifier = fields.text("system_identifier");
  std::from_chars(identifier.data(), identifier.data() + identifier.size(),
                  drill.system_identifier.value);
  drill.backup.text = fields.text("backup");
  drill.target = fields.text("target");
  if (fields.has("seed")) drill.seed = fields.number("seed");
  drill.timeline.value = static_cast<uint32_t>(fields.number("timeline", UINT32_MAX));
  drill.target_lsn = fields.lsn("target_lsn");
  if (fields.has("target_time")) drill.target_time = fields.time("target_time");
  drill.bytes_written = fields.number("bytes_written");
  drill.bytes_fetched = fields.number("bytes_fetched");
  drill.wal_bytes = fields.number("wal_bytes");
  drill.restore_s = fields.real("restore_s");
  drill.replay_s = fields.real("replay_s");
  drill.prove_s = fields.real("prove_s");
  drill.total_s = fields.real("total_s");
  TRY(fields.done());
  if (!json.contains("proofs") || !json["proofs"].is_array()) {
    return make_error(ErrorKind::kCorrupt, fmt::format("{}: \"proofs\" is not a list", name));
  }
  for (const Json& proof : json["proofs"]) {
    if (!proof.is_object()) {
      return make_error(ErrorKind::kCorrupt, fmt::format("{}: a proof is not an object", name));
    }
    drill.proofs.push_back(TRY(decode_proof(proof, name)));
  }
  return drill;
}

}  // namespace walkback::catalog
