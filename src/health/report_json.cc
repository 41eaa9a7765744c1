#include "health/report_json.h"

#include "base/json.h"
#include "base/time_text.h"

namespace walkback::health {

namespace {

Json value_of(const FigureValue& value) {
  return std::visit(
      [](const auto& held) {
        if constexpr (std::is_same_v<std::decay_t<decltype(held)>, Timestamp>) {
          return Json(to_iso_utc(held));
        } else {
          return Json(held);
        }
      },
      value);
}

Json json_of(const Finding& finding) {
  Json evidence = Json::object();
  for (const Figure& figure : finding.evidence) evidence[figure.name] = value_of(figure.value);
  return {{"level", level_name(finding.level)},
          {"rule", finding.rule},
          {"text", finding.text},
          {"hint", finding.hint},
          {"evidence", std::move(evidence)}};
}

}  // namespace

std::string report_json(const Report& report, const std::string& host) {
  Json findings = Json::array();
  for (const Finding& finding : report.findings) findings.push_back(json_of(finding));
  Json not_known = Json::array();
  for (const NotKnown& one : report.not_known) {
    not_known.push_back({{"rule", one.rule}, {"why", one.why}});
  }
  return to_text({{"status", level_name(report.status())},
                  {"cluster", report.cluster},
                  {"host", host},
                  {"at", to_iso_utc(report.at)},
                  {"findings", std::move(findings)},
                  {"not_known", std::move(not_known)}});
}

}  // namespace walkback::health
