// find.
#include "cli/parse_command.h"

namespace walkback::cli {

namespace {

constexpr const char* kFindExample =
    "Examples:\n"
    "  sudo -u postgres walkback find --since \"1 hour ago\"\n"
    "  sudo -u postgres walkback find --since \"2026-11-22 15:00\" --until 16:00 --table payments "
    "--kind delete\n"
    "  sudo -u postgres walkback find --table 'public.\"Orders\"'   capital letters need double "
    "quotes\n"
    "A partition is found by its partitioned table's name, too. VACUUM FULL and the like take "
    "nothing;\n"
    "an ALTER TABLE that rewrites all rows is an update. What was rolled back is shown last.\n"
    "What the server has not archived yet cannot be seen: the first lines say since when.\n";

void describe_find(CLI::App& app) {
  add_text(app, "--since", "TIME",
           "Transactions that ended then or later: \"2026-11-22 15:46\", 15:46, \"1 hour ago\" "
           "(default: 24 hours before --until)");
  add_text(app, "--until", "TIME", "That ended then or earlier (default: now)");
  add_text(app, "--xid", "N", "Only this transaction, whenever it ended");
  add_text(app, "--table", "NAME", "That touched NAME, SCHEMA.NAME or DATABASE.SCHEMA.NAME");
  add_text(app, "--kind", "KIND", "That did this: delete, update, insert, truncate or drop");
  add_text(app, "--min-rows", "N", "That changed so many rows, or more");
  add_text(app, "--limit", "N", "Show so many (default: 10)");
  add_text(app, "--order", "ORDER", "size: the largest first (default); time: the earliest first");
  add_timeline(app, "On this timeline (default: the newest)");
  add_footer(app, kFindExample);
}

Result<std::optional<uint64_t>> read_only_xid(const CLI::App& app) {
  if (!given(app, "--xid")) return std::optional<uint64_t>();
  for (const char* other : {"--since", "--until", "--table", "--kind", "--min-rows"}) {
    if (given(app, other)) {
      return usage_error(fmt::format("--xid with {}", other),
                         "--xid finds that one transaction, whenever it ended and whatever it did");
    }
  }
  return std::optional(TRY(number<uint64_t>(app, "--xid", 1, INT64_MAX)));
}

Result<std::optional<find::Kind>> read_kind(const CLI::App& app) {
  if (!given(app, "--kind")) return std::optional<find::Kind>();
  const auto kind = find::parse_kind(text(app, "--kind"));
  if (kind) return kind;
  return usage_error(fmt::format("--kind is \"{}\", which is none", text(app, "--kind")),
                     "one of delete, update, insert, truncate, drop; ALTER TABLE that rewrites "
                     "all rows is an update");
}

Result<bool> read_earliest_first(const CLI::App& app) {
  if (!given(app, "--order")) return false;
  const std::string order = text(app, "--order");
  if (order == "time" || order == "size") return order == "time";
  return usage_error(fmt::format("--order \"{}\" is none", order), "one of size, time");
}

Result<CommandOptions> read_find(const CLI::App& app) {
  constexpr uint32_t kMostShown = 100'000;
  FindOptions options;
  options.since = if_given(app, "--since");
  options.until = if_given(app, "--until");
  options.table = text(app, "--table");
  if (given(app, "--table") && options.table.empty()) {
    return usage_error("--table is empty: which table",
                       "payments, public.payments or shop.public.payments; without --table all are "
                       "shown");
  }
  options.xid = TRY(read_only_xid(app));
  options.kind = TRY(read_kind(app));
  if (given(app, "--min-rows")) {
    options.min_rows = TRY(number<uint64_t>(app, "--min-rows", 0, INT64_MAX));
  }
  if (given(app, "--limit")) {
    options.limit = TRY(number<uint32_t>(app, "--limit", 1, kMostShown));
  }
  options.earliest_first = TRY(read_earliest_first(app));
  options.timeline = TRY(read_timeline(app));
  return CommandOptions(std::move(options));
}

constexpr Command kCommands[] = {
    {"find", "Show which transactions took or changed the most", describe_find, read_find},
};

}  // namespace

std::span<const Command> find_commands() { return kCommands; }

}  // namespace walkback::cli
