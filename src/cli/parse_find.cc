// find and undo.
#include "cli/parse_command.h"
#include "find/table_pattern.h"

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

Result<uint64_t> read_xid(const CLI::App& app) {
  return number<uint64_t>(app, "--xid", 1, INT64_MAX);
}

Result<std::optional<uint64_t>> read_only_xid(const CLI::App& app) {
  if (!given(app, "--xid")) return std::optional<uint64_t>();
  for (const char* other : {"--since", "--until", "--table", "--kind", "--min-rows"}) {
    if (given(app, other)) {
      return usage_error(fmt::format("--xid with {}", other),
                         "--xid finds that one transaction, whenever it ended and whatever it did");
    }
  }
  return std::optional(TRY(read_xid(app)));
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

void describe_undo(CLI::App& app) {
  add_text(app, "--xid", "N", "The transaction to undo, as `find` names it");
  add_texts(app, "--table", "NAME", "Only this table, as --table of find (repeatable)");
  add_text(app, "--output", "FILE", "Write the SQL to this new file");
  add_flag(app, "--apply", "Give the rows back, after the preview");
  add_text(app, "--on-conflict", "WHAT",
           "Rows that are not as the transaction left them: fail (default), skip or overwrite");
  add_text(app, "--as", "NAME",
           "Give the one table that was dropped back as NAME or SCHEMA.NAME, written as in SQL");
  add_text(app, "--into", "DIR",
           "Where the scratch server gets a directory of its own (default: drill.directory, or "
           "beside the data directory)");
  add_timeline(app, "On this timeline (default: the newest)");
}

Result<undo::OnConflict> read_on_conflict(const CLI::App& app) {
  if (!given(app, "--on-conflict")) return undo::OnConflict::kFail;
  const auto mode = undo::parse_on_conflict(text(app, "--on-conflict"));
  if (!mode) {
    return usage_error(fmt::format("--on-conflict is \"{}\"", text(app, "--on-conflict")),
                       "one of fail, skip, overwrite");
  }
  if (!flag(app, "--apply") && !given(app, "--output")) {
    return usage_error("--on-conflict without --apply or --output",
                       "it says what is done about conflicts: the preview shows them all");
  }
  return *mode;
}

Result<std::optional<find::SchemaAndName>> read_as(const CLI::App& app) {
  if (!given(app, "--as")) return std::optional<find::SchemaAndName>();
  const Result<std::vector<std::string>> parts = find::parse_name(text(app, "--as"));
  if (parts.ok() && parts->size() <= 2) {
    return std::optional(
        find::SchemaAndName{parts->size() == 2 ? parts->front() : "", parts->back()});
  }
  return usage_error(fmt::format("--as \"{}\" is no table's name", text(app, "--as")),
                     "--as payments_before, or --as old.payments; a name with capital letters or a "
                     "dot in it stands in double quotes: '\"Payments\"'");
}

Result<CommandOptions> read_undo(const CLI::App& app) {
  UndoOptions options;
  if (!given(app, "--xid")) {
    return usage_error("--xid is missing: which transaction to undo",
                       "--xid N; `walkback find` names those that took the most");
  }
  options.xid = TRY(read_xid(app));
  options.tables = texts(app, "--table");
  options.timeline = TRY(read_timeline(app));
  options.into = if_given(app, "--into");
  if (options.into && options.into->empty()) {
    return usage_error("--into is empty: where the scratch server is to lie", "--into DIR");
  }
  options.output = text(app, "--output");
  if (given(app, "--output") && options.output.empty()) {
    return usage_error("--output is empty: where the SQL is to be written", "--output FILE");
  }
  options.apply = flag(app, "--apply");
  options.on_conflict = TRY(read_on_conflict(app));
  options.as = TRY(read_as(app));
  return CommandOptions(std::move(options));
}

constexpr Command kCommands[] = {
    {"find", "Show which transactions took or changed the most", describe_find, read_find},
    {"undo", "Give back only the rows that one transaction took", describe_undo, read_undo},
};

}  // namespace

std::span<const Command> find_commands() { return kCommands; }

}  // namespace walkback::cli
