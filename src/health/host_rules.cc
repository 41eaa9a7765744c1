// What everything else stands on: the repository, the server, disks, keys and clocks.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/human.h"
#include "health/findings.h"

namespace walkback::health {

namespace {

constexpr uint64_t kUsualSegmentBytes = 16 << 20;  // initdb's

double ahead_s(std::chrono::microseconds ahead) {
  return std::chrono::duration<double>(ahead).count();
}

std::string ahead_text(std::string_view whose, double seconds) {
  return fmt::format("{} clock is {} {} this host's", whose, human_duration(std::abs(seconds)),
                     seconds < 0 ? "behind" : "ahead of");
}

}  // namespace

void judge_repository(Findings& findings) {
  const Facts& facts = findings.facts;
  for (const PlaceFacts& place : facts.places) {
    std::vector<Figure> evidence{{"url", place.url}, {"required", place.required}};
    if (place.error) {
      findings.add(
          place.required ? Level::kCritical : Level::kWarning, "repository", place.error->message,
          place.error->hint.empty() ? "without it nothing is archived and nothing can be recovered"
                                    : place.error->hint,
          std::move(evidence));
    } else {
      findings.add(Level::kHealthy, "repository", place.url + " answers", "", std::move(evidence));
    }
  }
  const bool answers = std::ranges::any_of(
      facts.places, [](const PlaceFacts& place) { return !place.error.has_value(); });
  if (answers && facts.repository && !facts.repository->ok()) {
    const Error& error = facts.repository->error();
    findings.add(Level::kCritical, "repository", error.message, error.hint);
  }
}

void judge_server(Findings& findings) {
  const Looked<ServerFacts>& looked = findings.facts.server;
  if (!looked) {
    return findings.add(Level::kWarning, "server",
                        "PostgreSQL was not looked at: postgresql.pgdata is not set",
                        "run this on the database host, with its configuration");
  }
  if (!looked->ok()) {
    return findings.add(
        Level::kCritical, "server", looked->error().message,
        looked->error().hint.empty() ? "its log says why it does not run" : looked->error().hint);
  }
  const ServerFacts& server = **looked;
  findings.add(Level::kHealthy, "server",
               fmt::format("PostgreSQL {}.{} answers, {}on timeline {}", server.version_num / 10000,
                           server.version_num % 10000, server.in_recovery ? "a standby " : "",
                           server.timeline.value),
               "",
               {{"timeline", uint64_t{server.timeline.value}},
                {"standby", server.in_recovery},
                {"wal_end_lsn", server.wal_end.text()}});
}

void judge_growth(Findings& findings) {
  const RepositoryFacts* repository = findings.repository("growth");
  if (repository == nullptr) return;
  std::vector<Figure> evidence{{"bytes_stored", repository->bytes_stored}};
  std::string text = human_bytes(repository->bytes_stored) + " stored";
  if (repository->bytes_per_day) {
    evidence.push_back({"bytes_per_day", *repository->bytes_per_day});
    text += fmt::format(", {} more a day",
                        human_bytes(static_cast<uint64_t>(*repository->bytes_per_day)));
  }
  // The fullest of its directories.
  const DiskSpace* disk = nullptr;
  for (const PlaceFacts& place : findings.facts.places) {
    if (place.disk && (disk == nullptr || place.disk->free_bytes < disk->free_bytes)) {
      disk = &*place.disk;
    }
  }
  Level level = Level::kHealthy;
  if (disk != nullptr) {
    evidence.push_back({"free_bytes", disk->free_bytes});
    text += fmt::format("; {} free", human_bytes(disk->free_bytes));
    const Span limit = findings.limits.repository_time_left;
    if (repository->bytes_per_day && *repository->bytes_per_day > 0) {
      constexpr double kDay_s = 86400;
      const double left =
          static_cast<double>(disk->free_bytes) / *repository->bytes_per_day * kDay_s;
      evidence.push_back({"time_left_s", left});
      if (limit) level = level_below(left, *limit, kCriticalRepositoryTime);
      if (level != Level::kHealthy) {
        text += fmt::format(", full in {} unless `walkback prune` removes as much",
                            human_duration(left));
      }
    }
    // Whatever it grew by lately: something else may have filled it.
    const uint64_t segment_bytes = repository->backups.empty()
                                       ? kUsualSegmentBytes
                                       : repository->backups.back().wal_segment_bytes;
    if (disk->free_bytes < kSegmentsToTheEnd * segment_bytes) {
      level = Level::kCritical;
      text += ": archiving stops when it cannot store the next segment";
    }
  }
  findings.add(level, "growth", std::move(text),
               "[retention] in the configuration says what `walkback prune` may remove; a full "
               "disk stops archiving",
               std::move(evidence));
}

void judge_keys(Findings& findings) {
  const Looked<KeyFacts>& looked = findings.facts.keys;
  if (looked && !looked->ok()) {
    return findings.add(Level::kCritical, "keys", looked->error().message, looked->error().hint);
  }
  const KeyFacts* keys = findings.seen(looked, "keys", "the repository's keys");
  if (keys == nullptr) return;
  if (!keys->encrypted) {
    return findings.add(Level::kHealthy, "keys", "nothing is encrypted, as the configuration says");
  }
  bool found = false;
  auto bad = [&](Level level, std::string text, std::string hint) {
    findings.add(level, "keys", std::move(text), std::move(hint));
    found = true;
  };
  if (!keys->has_host_key) {
    bad(Level::kWarning, "this host has no key of its own: it cannot read what it stored",
        "`walkback init` makes one, in encryption.host_key_file");
  } else if (!keys->host_key_known) {
    bad(Level::kCritical,
        "this host's key is not one that the repository knows: it cannot read what was stored",
        "is it another repository's? `walkback key list` shows those it knows; `walkback init` "
        "makes a new one known");
  }
  for (const std::string& recipient : keys->unknown_recipients) {
    bad(Level::kWarning, recipient + " is encrypted to, and the repository does not know it",
        fmt::format("`walkback key add {}` lets it read what is there already", recipient));
  }
  for (const std::string& recipient : keys->retired_recipients) {
    bad(Level::kWarning, recipient + " was retired, and this host still encrypts to it",
        "take it out of encryption.recipients");
  }
  if (found) return;
  findings.add(Level::kHealthy, "keys",
               fmt::format("encrypted to {}; this host's own key is here",
                           counted(keys->recipients, "owner's key")),
               "", {{"recipients", uint64_t{keys->recipients}}});
}

void judge_clock(Findings& findings) {
  const Facts& facts = findings.facts;
  const Span limit = findings.limits.clock_skew;
  double worst = 0;
  bool known = false, found = false;
  auto look = [&](std::string_view whose, double ahead) {
    known = true;
    worst = std::max(worst, std::abs(ahead));
    const Level level =
        limit ? level_above(std::abs(ahead), *limit, kCriticalClockSkew) : Level::kHealthy;
    if (level == Level::kHealthy) return;
    found = true;
    findings.add(level, "clock", ahead_text(whose, ahead) + "; " + limit_text(*limit),
                 "times of recovery targets and ages here are off by as much: set both by NTP",
                 {{"ahead_s", ahead}, {"limit_s", static_cast<uint64_t>(limit->count())}});
  };
  if (facts.server && facts.server->ok()) look("the server's", ahead_s((*facts.server)->ahead));
  if (facts.store_ahead) {
    look("the bucket's", static_cast<double>(facts.store_ahead->count()));
  }
  if (!known) return findings.not_known("clock", "no other clock answers");
  if (found) return;
  findings.add(Level::kHealthy, "clock",
               fmt::format("clocks differ by {} or less", human_duration(worst)), "",
               {{"ahead_s", worst}});
}

void judge_alerts(Findings& findings) {
  const std::optional<AlertFacts>& alerts = findings.facts.alerts;
  if (!alerts || alerts->channels == 0) return;
  const bool nobody_hears = alerts->failing.size() == alerts->channels;
  for (const AlertFacts::Failing& one : alerts->failing) {
    findings.add(nobody_hears ? Level::kCritical : Level::kWarning, "alert",
                 fmt::format("{} could not be told since {}: {}", one.channel,
                             local_second(one.since), one.error),
                 "`walkback status --test-alert` tries it; [alert] in the configuration says where "
                 "it goes",
                 {{"channel", one.channel}, {"since", one.since}});
  }
  if (!alerts->state_error.empty()) {
    findings.add(
        Level::kWarning, "alert",
        "what was told cannot be written down, so each run tells it again: " + alerts->state_error,
        "alert.state_file must be a place where this user may write");
  }
  if (!alerts->failing.empty() || !alerts->state_error.empty()) return;
  findings.add(Level::kHealthy, "alert", counted(alerts->channels, "channel") + " to tell of this");
}

}  // namespace walkback::health
