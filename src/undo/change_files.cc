#include "undo/change_files.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "undo/row_images.h"

namespace walkback::undo {

Result<void> write_json(OutputFile& file, const TableShape& table, std::string_view line) {
  if (escape_invalid_utf8(line) == line) return file.write(line);
  return make_error(ErrorKind::kUnsupported,
                    fmt::format("a row of {} has bytes that are no UTF-8, which JSON cannot hold",
                                table.name.quoted),
                    "--format csv, copy and sql have them as they are");
}

Result<std::unique_ptr<ChangeFiles>> ChangeFiles::create(RowFormat format, const std::string& path,
                                                         FileSystem& files) {
  std::unique_ptr<ChangeFiles> made(new ChangeFiles(format, files));
  if (format == RowFormat::kJson) {
    made->file_ = TRY(OutputFile::create(files, path));
  } else {
    made->directory_ = TRY(OutputDirectory::create(files, path));
  }
  return made;
}

Result<void> ChangeFiles::spool_to(const std::string& path) {
  if (format_ == RowFormat::kJson) spool_.emplace(TRY(TextSpool::create(files_, path)));
  return success();
}

Result<void> ChangeFiles::add_was(pgconn::Connection& server, const TableShape& then,
                                  const std::vector<ChangedRow>& rows,
                                  const std::stop_token& stop) {
  if (format_ == RowFormat::kJson) {
    return spool(server, then, rows, &ChangedRow::was, &Images::was, stop);
  }
  std::vector<ChangedRow> deleted, updated;
  for (const ChangedRow& row : rows) {
    if (row.was) (row.now ? updated : deleted).push_back(row);
  }
  TRY(copy(server, then, "deleted", deleted, &ChangedRow::was, stop));
  return copy(server, then, "updated", updated, &ChangedRow::was, stop);
}

Result<void> ChangeFiles::add_now(pgconn::Connection& server, const TableShape& then,
                                  const std::vector<ChangedRow>& rows,
                                  const std::stop_token& stop) {
  if (format_ == RowFormat::kJson) {
    return spool(server, then, rows, &ChangedRow::now, &Images::now, stop);
  }
  std::vector<ChangedRow> inserted;
  for (const ChangedRow& row : rows) {
    if (!row.was) inserted.push_back(row);
  }
  return copy(server, then, "inserted", inserted, &ChangedRow::now, stop);
}

Result<void> ChangeFiles::add_all(pgconn::Connection& server, const TableShape& then,
                                  const std::stop_token& stop) {
  if (format_ == RowFormat::kJson) {
    const auto write = [&](uint64_t, const std::vector<pgconn::Value>& row) {
      return write_json(*file_, then, change_line(then, "deleted", row[0].value_or(""), ""));
    };
    TRY(read_all_rows(server, "ONLY " + then.name.quoted + " t", kRowAsJson, 1, stop, write));
    return success();
  }
  const std::unique_ptr<OutputFile> file =
      TRY(directory_->create_file(file_name_of(then, "deleted", format_)));
  TRY(copy_all_rows(server, "ONLY " + then.name.quoted + " t", copied_columns(then),
                    copy_form(format_, /*header=*/true), writing_to(*file, stop)));
  return file->finish();
}

Result<void> ChangeFiles::copy(pgconn::Connection& server, const TableShape& then,
                               std::string_view what, const std::vector<ChangedRow>& rows,
                               std::optional<Tid> ChangedRow::*which, const std::stop_token& stop) {
  if (rows.empty()) return success();
  const std::unique_ptr<OutputFile> file =
      TRY(directory_->create_file(file_name_of(then, what, format_)));
  TRY(copy_rows(server, then.name.quoted, copied_columns(then), places_of(rows, which),
                copy_form(format_, /*header=*/true), copy_form(format_, /*header=*/false),
                writing_to(*file, stop)));
  return file->finish();
}

Result<void> ChangeFiles::spool(pgconn::Connection& server, const TableShape& then,
                                const std::vector<ChangedRow>& rows,
                                std::optional<Tid> ChangedRow::*which, Places Images::*to,
                                const std::stop_token& stop) {
  Images& images = images_[then.name.oid];
  images.table = then;
  Places& places = images.*to;
  places.resize(rows.size());
  return read_rows(server, then.name.quoted, kRowAsJson, places_of(rows, which), stop,
                   [&](uint64_t number, const std::vector<pgconn::Value>& row) -> Result<void> {
                     places[number - 1] = spool_->end();
                     return spool_->add(row[0].value_or(""));
                   });
}

Result<void> ChangeFiles::write_lines(const Images& images) {
  const auto text = [&](const Places& places, size_t row) -> Result<std::string> {
    if (row >= places.size() || !places[row]) return std::string();
    return spool_->at(*places[row]);
  };
  for (size_t row = 0; row < std::max(images.was.size(), images.now.size()); ++row) {
    const std::string was = TRY(text(images.was, row)), now = TRY(text(images.now, row));
    const char* change = was.empty() ? "inserted" : now.empty() ? "deleted" : "updated";
    TRY(write_json(*file_, images.table, change_line(images.table, change, was, now)));
  }
  return success();
}

Result<void> ChangeFiles::finish() {
  for (const auto& [oid, images] : images_) TRY(write_lines(images));
  return file_ ? file_->finish() : directory_->finish();
}

}  // namespace walkback::undo
