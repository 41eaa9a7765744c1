#include "cli/cost_text.h"

#include <fmt/format.h>

#include <cmath>

#include "base/json.h"
#include "cli/human.h"

namespace walkback::cli {

namespace {

using cost::ClassCost;
using cost::Facts;
using cost::Medium;
using cost::PlaceCost;
using cost::RequestCost;
using cost::StorageClass;

class Money {
 public:
  explicit Money(std::string currency) : currency_(std::move(currency)) {}
  // "$0.43"; what rounds to nothing and is not says so.
  std::string operator()(double amount) const {
    constexpr double kSmallest = 0.005;
    if (amount > 0 && amount < kSmallest) return fmt::format("under {}0.01", currency_);
    return fmt::format("{}{:.2f}", currency_, amount);
  }

 private:
  const std::string currency_;
};

uint64_t rounded(double count) { return static_cast<uint64_t>(std::llround(count)); }

std::string ratio(uint64_t raw, uint64_t stored) {
  if (stored == 0) return "nothing yet";
  return fmt::format("{} as {}, {:.1f} : 1", human_bytes(raw), human_bytes(stored),
                     static_cast<double>(raw) / static_cast<double>(stored));
}

std::string_view storage_name(const PlaceCost& cost, StorageClass storage) {
  if (cost.place->medium == Medium::kDirectory) return "";
  return storage == StorageClass::kInfrequent ? "STANDARD_IA" : "STANDARD";
}

// ---- text ----

std::string parts_text(const PlaceCost& cost, const Money& money) {
  Table table({{""}, {"a month", true}, {""}});
  table.row({"storage", money(cost.storage), human_bytes(cost.place->stored.all().bytes)});
  if (cost.smallest_size > 0) {
    table.row(
        {"  of that", money(cost.smallest_size), "objects smaller than 128 KiB, billed as such"});
  }
  if (cost.place->medium == Medium::kDirectory) return table.text();
  double requests = 0;
  for (const RequestCost& one : cost.requests) requests += one.requests.all();
  table.row({"requests", money(cost.request_total), human_count(rounded(requests))});
  if (cost.retrieval > 0) {
    table.row({"retrieval", money(cost.retrieval), "read from STANDARD_IA by verify and drills"});
  }
  if (cost.early_removal > 0) {
    table.row({"early removal", money(cost.early_removal), "STANDARD_IA bills 30 days at least"});
  }
  return table.text();
}

std::string classes_text(const PlaceCost& cost, const Money& money) {
  Table table({{"what"}, {"objects", true}, {"stored", true}, {"a month", true}, {""}});
  for (const ClassCost& one : cost.classes) {
    table.row({std::string(catalog::stored_class_name(one.kind)), human_count(one.sum.objects),
               human_bytes(one.sum.bytes), money(one.month),
               std::string(storage_name(cost, one.storage))});
  }
  return table.text();
}

std::string requests_text(const PlaceCost& cost, const Money& money) {
  Table table({{"requests for"},
               {"times", true},
               {"PUT", true},
               {"LIST", true},
               {"GET", true},
               {"a month", true}});
  for (const RequestCost& one : cost.requests) {
    if (one.times == 0) continue;
    table.row({one.what, human_count(rounded(one.times)), human_count(rounded(one.requests.put)),
               human_count(rounded(one.requests.list)), human_count(rounded(one.requests.get)),
               money(one.month)});
  }
  return table.text();
}

std::string place_text(const Facts& facts, const PlaceCost& cost, const Money& money) {
  const std::string url = printable(cost.place->url);
  if (cost.place->error) {
    return fmt::format("\n{}: not known, for {}\n", url, printable(cost.place->error->message));
  }
  std::string text = fmt::format("\n{}: {}\n{}\n{}", url, money(cost.month()),
                                 parts_text(cost, money), classes_text(cost, money));
  if (cost.place->medium == Medium::kDirectory) return text;
  if (!facts.rates) {
    return text +
           "\nRequests are not known: too little was done here yet to tell what a month needs.\n";
  }
  return text + "\n" + requests_text(cost, money);
}

std::string estimated_text(const Facts& facts) {
  if (!facts.rates) return {};
  return fmt::format(
      "\nWhat is stored was listed. What a month needs is estimated from the last {}; the agent's "
      "looks as if it ran\n"
      "throughout. Traffic out of the bucket's region, taxes and discounts are not in it.\n",
      human_duration(static_cast<double>(facts.rates->measured_over.count())));
}

std::string ratios_text(const Facts& facts) {
  Fields fields;
  fields.add("backups", ratio(facts.compressed_raw, facts.compressed_stored));
  fields.add("WAL", ratio(facts.wal_raw, facts.wal_stored));
  std::string text = "\nCompression, of what is stored:\n" + fields.text();
  if (facts.backups > 1) {
    text +=
        fmt::format("{} backups of {} each would be {}, were each stored whole.\n", facts.backups,
                    human_bytes(facts.whole_raw / facts.backups), human_bytes(facts.whole_raw));
  }
  return text;
}

std::string cheaper_text(const cost::Estimate& estimate, const Money& money) {
  if (estimate.cheaper.empty()) return {};
  Table table({{"cheaper by", true}, {""}});
  for (const cost::Advice& one : estimate.cheaper) table.row({money(one.saves), one.text});
  return "\n" + table.text();
}

std::string managed_text(const Facts& facts, const cost::Estimate& estimate, const Money& money) {
  return fmt::format(
      "\nA managed service, for its disk and backups alone: {} for a disk of {} and {} for backups "
      "beyond that size,\n"
      "taken for as large as what is kept here before compression. Its servers are not in it, and "
      "neither is yours.\n",
      money(estimate.managed_storage), human_bytes(facts.newest_raw),
      money(estimate.managed_backup));
}

// ---- JSON ----

Json requests_json(const cost::Requests& requests) {
  return {{"put", requests.put}, {"list", requests.list}, {"get", requests.get}};
}

Json place_json(const Facts& facts, const PlaceCost& cost) {
  if (cost.place->error) {
    return {{"url", cost.place->url}, {"error", cost.place->error->message}};
  }
  Json classes = Json::array();
  for (const ClassCost& one : cost.classes) {
    const std::string_view storage = storage_name(cost, one.storage);
    classes.push_back({{"class", catalog::stored_class_name(one.kind)},
                       {"objects", one.sum.objects},
                       {"bytes", one.sum.bytes},
                       {"storage_class", storage.empty() ? Json() : Json(storage)},
                       {"month", one.month}});
  }
  Json requests = Json::array();
  for (const RequestCost& one : cost.requests) {
    Json json = requests_json(one.requests);
    json["what"] = one.what;
    json["each"] = requests_json(one.each);
    json["times"] = facts.rates ? Json(one.times) : Json();
    json["month"] = one.month;
    requests.push_back(std::move(json));
  }
  const catalog::StoredSum all = cost.place->stored.all();
  return {{"url", cost.place->url},
          {"month", cost.month()},
          {"bytes", all.bytes},
          {"objects", all.objects},
          {"storage", cost.storage},
          {"smallest_size", cost.smallest_size},
          {"request_total", cost.request_total},
          {"retrieval", cost.retrieval},
          {"early_removal", cost.early_removal},
          {"classes", std::move(classes)},
          {"requests", std::move(requests)}};
}

}  // namespace

std::string cost_text(const cost::Facts& facts, const cost::Prices& prices,
                      const cost::Estimate& estimate) {
  const Money money(prices.currency);
  std::string text =
      fmt::format("cluster {}: {} a month, estimated\n", facts.cluster, money(estimate.month));
  for (const PlaceCost& cost : estimate.places) text += place_text(facts, cost, money);
  text += cheaper_text(estimate, money);
  text += ratios_text(facts);
  text += managed_text(facts, estimate, money);
  return text + estimated_text(facts);
}

std::string cost_json(const cost::Facts& facts, const cost::Prices& prices,
                      const cost::Estimate& estimate) {
  Json places = Json::array();
  for (const PlaceCost& cost : estimate.places) places.push_back(place_json(facts, cost));
  Json cheaper = Json::array();
  for (const cost::Advice& one : estimate.cheaper) {
    cheaper.push_back({{"text", one.text}, {"saves", one.saves}});
  }
  return to_text(
      {{"cost",
        {{"currency", prices.currency},
         {"month", estimate.month},
         {"places", std::move(places)},
         {"cheaper", std::move(cheaper)},
         {"compression",
          {{"backups", {{"raw", facts.compressed_raw}, {"stored", facts.compressed_stored}}},
           {"wal", {{"raw", facts.wal_raw}, {"stored", facts.wal_stored}}},
           {"backups_whole_raw", facts.whole_raw}}},
         {"managed", {{"storage", estimate.managed_storage}, {"backups", estimate.managed_backup}}},
         {"measured_over_s", facts.rates ? Json(facts.rates->measured_over.count()) : Json()}}}});
}

}  // namespace walkback::cli
