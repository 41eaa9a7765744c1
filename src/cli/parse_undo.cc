// undo and rescue.
#include "cli/parse_command.h"
#include "cli/parse_target.h"
#include "find/table_pattern.h"

namespace walkback::cli {

namespace {

void add_into(CLI::App& app) {
  add_text(app, "--into", "DIR",
           "Where the scratch server gets a directory of its own (default: drill.directory, or "
           "beside the data directory)");
}

Result<std::optional<std::string>> read_into(const CLI::App& app) {
  std::optional<std::string> into = if_given(app, "--into");
  if (!into || !into->empty()) return into;
  return usage_error("--into is empty: where the scratch server is to lie", "--into DIR");
}

void add_keep(CLI::App& app, const char* what) { add_flag(app, "--keep", what); }

Result<std::string> read_output(const CLI::App& app) {
  std::string output = text(app, "--output");
  if (!given(app, "--output") || !output.empty()) return output;
  return usage_error("--output is empty: where to write", "--output FILE");
}

void describe_undo(CLI::App& app) {
  add_text(app, "--xid", "N", "The transaction to undo, as `find` names it");
  add_texts(app, "--table", "NAME", "Only this table, as --table of find (repeatable)");
  add_text(app, "--output", "PATH", "Write to this new file, or directory with csv and copy");
  add_text(
      app, "--format", "FORMAT",
      "With --output: sql (default), which gives the rows back; or csv, copy or json: the rows");
  add_flag(app, "--apply", "Give the rows back, after the preview");
  add_text(app, "--on-conflict", "WHAT",
           "Rows that are not as the transaction left them: fail (default), skip or overwrite");
  add_text(app, "--as", "NAME",
           "Give the one table that was dropped back as NAME or SCHEMA.NAME, written as in SQL");
  add_into(app);
  add_keep(app, "Leave a server as it was before the transaction, stopped, to be looked at");
  add_timeline(app, "On this timeline (default: the newest)");
}

Result<undo::RowFormat> read_format(const CLI::App& app) {
  if (!given(app, "--format")) return undo::RowFormat::kSql;
  const auto format = undo::parse_row_format(text(app, "--format"));
  if (!format) {
    return usage_error(fmt::format("--format is \"{}\"", text(app, "--format")),
                       "one of sql, csv, copy, json");
  }
  if (given(app, "--output")) return *format;
  return usage_error("--format without --output",
                     "--output FILE, or with csv and copy a directory");
}

bool writes_script(const CLI::App& app, undo::RowFormat format) {
  return given(app, "--output") && format == undo::RowFormat::kSql;
}

Result<undo::OnConflict> read_on_conflict(const CLI::App& app, undo::RowFormat format) {
  if (!given(app, "--on-conflict")) return undo::OnConflict::kFail;
  const auto mode = undo::parse_on_conflict(text(app, "--on-conflict"));
  if (!mode) {
    return usage_error(fmt::format("--on-conflict is \"{}\"", text(app, "--on-conflict")),
                       "one of fail, skip, overwrite");
  }
  if (!flag(app, "--apply") && !writes_script(app, format)) {
    return usage_error("--on-conflict without --apply or --output FILE.sql",
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
  options.xid = TRY(number<uint64_t>(app, "--xid", 1, INT64_MAX));
  options.tables = texts(app, "--table");
  options.timeline = TRY(read_timeline(app));
  options.into = TRY(read_into(app));
  options.output = TRY(read_output(app));
  options.format = TRY(read_format(app));
  options.apply = flag(app, "--apply");
  options.on_conflict = TRY(read_on_conflict(app, options.format));
  options.as = TRY(read_as(app));
  options.keep = flag(app, "--keep");
  return CommandOptions(std::move(options));
}

void describe_rescue(CLI::App& app) {
  add_text(app, "--table", "NAME", "The table: NAME, SCHEMA.NAME or DATABASE.SCHEMA.NAME");
  add_target(app);
  add_text(app, "--where", "CONDITION", "Only rows for which this holds, written as in SQL");
  add_text(app, "--output", "FILE", "Write to this new file");
  add_text(
      app, "--format", "FORMAT",
      "With --output: sql (default), which gives back what is missing today, or makes the table "
      "again; or csv, copy or json: the rows");
  add_text(app, "--on-conflict", "WHAT",
           "In sql, rows that are there with other values today: skip (default) or overwrite");
  add_text(app, "--as", "NAME",
           "In sql, make the table as NAME or SCHEMA.NAME, beside the one that is there");
  add_into(app);
  add_keep(app, "Leave the scratch server, stopped, to be looked at");
}

Result<undo::OnConflict> read_rescue_conflict(const CLI::App& app, undo::RowFormat format) {
  if (!given(app, "--on-conflict")) return undo::OnConflict::kSkip;
  const auto mode = undo::parse_on_conflict(text(app, "--on-conflict"));
  if (!mode || mode == undo::OnConflict::kFail) {
    return usage_error(fmt::format("--on-conflict is \"{}\"", text(app, "--on-conflict")),
                       "one of skip, overwrite");
  }
  if (writes_script(app, format)) return *mode;
  return usage_error("--on-conflict without --output FILE.sql",
                     "it says what the SQL does about rows that changed");
}

Result<CommandOptions> read_rescue(const CLI::App& app) {
  RescueOptions options;
  if (text(app, "--table").empty()) {
    return usage_error("--table is missing: which table to rescue",
                       "--table NAME, SCHEMA.NAME or DATABASE.SCHEMA.NAME");
  }
  options.table = TRY(find::parse_name(text(app, "--table")));
  constexpr size_t kMostParts = 3;
  if (options.table.size() > kMostParts) {
    return usage_error(
        fmt::format("--table '{}': it has more than three parts", text(app, "--table")),
        "payments, public.payments or shop.public.payments");
  }
  options.target = TRY(target_typed(app));
  options.where = text(app, "--where");
  if (given(app, "--where") && options.where.empty()) {
    return usage_error("--where is empty: which rows", "without --where it is every row");
  }
  options.into = TRY(read_into(app));
  options.output = TRY(read_output(app));
  options.format = TRY(read_format(app));
  options.on_conflict = TRY(read_rescue_conflict(app, options.format));
  options.as = TRY(read_as(app));
  if (options.as && !writes_script(app, options.format)) {
    return usage_error("--as without --output FILE.sql", "it is the name that the SQL gives");
  }
  options.keep = flag(app, "--keep");
  return CommandOptions(std::move(options));
}

constexpr Command kCommands[] = {
    {"undo", "Give back only the rows that one transaction took", describe_undo, read_undo},
    {"rescue", "One table, or some of its rows, as of any moment, and what differs today",
     describe_rescue, read_rescue},
};

}  // namespace

std::span<const Command> undo_commands() { return kCommands; }

}  // namespace walkback::cli
