#include "find/file_fates.h"

#include <algorithm>
#include <optional>
#include <set>

#include "wal/catalog_rows.h"

namespace walkback::find {

namespace {

bool is_part_of_toast(const RelationName& name) { return name.oid != name.own_oid; }

// The same one, or TOAST tables of the same table, or the indexes of those.
bool is_same_relation(const RelationName& a, const RelationName& b) {
  if (a.database != b.database) return false;
  if (a.own_oid == b.own_oid) return true;
  return is_part_of_toast(a) && is_part_of_toast(b) && a.kind == b.kind && a.oid == b.oid;
}

// TRUNCATE and ALTER TABLE give a relation another file and take the old one at commit; the record
// of the commit lists what goes in the reverse order (src/backend/catalog/storage.c,
// smgrGetPendingDeletes).
class Fates {
 public:
  Fates(const FileWork& work, const RelationNames& names) : work_(work), names_(names) {
    for (const auto& [file, rows] : work.rows) files_[file] = {file, rows};
    dropped_.assign(work.dropped.rbegin(), work.dropped.rend());
    for (const wal::RelationLocator& file : work.created) {
      if (const auto row = names_.row_of(file))
        files_of_[{file.database, row->oid}].push_back(file);
      // One that came and went in the same transaction is nobody's loss.
      if (std::erase(dropped_, file) > 0) {
        files_.erase(file);
      } else if (std::ranges::find(created_, file) == created_.end()) {
        created_.push_back(file);
      }
    }
    // VACUUM FULL and CLUSTER write rows of pg_attribute for the heap that takes the table's place,
    // and remove them; they update none (src/backend/commands/cluster.c). ALTER TABLE updates those
    // of the columns that it changes.
    for (const auto& [file, rows] : work.rows) {
      const pg::Oid catalog = catalog_of(file);
      if (catalog == wal::kColumnCatalog && rows.updated > 0) altered_.insert(file.database);
      // Rows are not seen in a file that a program did not know of that made the index. TRUNCATE
      // updates some; who makes and drops relations does not say here which.
      if (catalog == wal::kRelationCatalog && names_.catalog_in(file) != catalog &&
          (rows.inserted > 0 || rows.deleted > 0)) {
        unseen_.insert(file.database);
      }
    }
  }

  FileFates of_commit() {
    match_by_row();
    match_by_order();
    for (const wal::RelationLocator& file : new_ones_) {
      if (unmatched_rewrites_ > 0) fates_.perhaps_rewritten.push_back(file);
      set(file, FileFate::kCreated);
    }
    for (const wal::RelationLocator& file : dropped_) {
      set(file, is_rewritten(file) ? rewrite_of(file) : FileFate::kDropped);
    }
    return done();
  }

  // Nothing went; what had come went again. A row says whether it was a table's first file, and so
  // does its number, where a server knows the table by now: heap_create() in
  // src/backend/catalog/heap.c gives the first file the relation's own.
  FileFates of_rollback() {
    for (const wal::RelationLocator& file : created_) {
      const std::optional<RelationNames::Row> row = names_.row_of(file);
      // Never a new relation's: those come with an INSERT into pg_class, which is logged whole.
      if (!row) continue;
      if (row->is_first || row->oid == file.number) {
        set(file, FileFate::kCreated);
      } else if (row->is_rewrite) {
        set(file, rewrite_of(file)).rows = {};
      } else {
        set(file, FileFate::kTruncated);
      }
    }
    return done();
  }

 private:
  // First where WAL says whose the new file is.
  void match_by_row() {
    for (const wal::RelationLocator& file : created_) {
      const std::optional<RelationNames::Row> row = names_.row_of(file);
      // An update of pg_class may log only what differs: what backups and the server say of a file
      // is as good.
      const std::optional<RelationName> name = names_.of(file);
      if (!row && !name) {
        without_row_.push_back(file);
        continue;
      }
      const bool is_rewrite = row && row->is_rewrite;
      const pg::Oid oid = row ? row->oid : name->own_oid;
      if (is_rewrite) rewritten_.insert(oid);
      const auto old = std::ranges::find_if(dropped_, [&](const wal::RelationLocator& candidate) {
        if (candidate.database != file.database) return false;
        const std::optional<RelationName> its = names_.of(candidate);
        return its && (its->own_oid == oid || (name && is_same_relation(*its, *name)));
      });
      if (old != dropped_.end()) {
        replace(*old, file, is_emptied(*old, file, oid) ? FileFate::kTruncated : rewrite_of(*old));
        dropped_.erase(old);
      } else if (is_made_here(file.database, oid)) {
        new_ones_.push_back(file);
      } else if (is_rewrite) {
        without_row_.push_back(file);
        ++unmatched_rewrites_;
      } else if (row ? row->is_later : file.number != oid) {
        without_row_.push_back(file);  // it had another: a first file has the oid for a number
      } else {
        new_ones_.push_back(file);
      }
    }
  }

  // TRUNCATE stays in its tablespace; ALTER TABLE … SET TABLESPACE moves all rows, without a
  // rewrite's heap.
  static bool may_be_truncation(const wal::RelationLocator& from, const wal::RelationLocator& to) {
    return from.tablespace == to.tablespace;
  }
  // On the way from its first file to its last: BEGIN; TRUNCATE t; CLUSTER t moves what TRUNCATE
  // left, and the file that came in between went again.
  bool is_emptied(const wal::RelationLocator& first, const wal::RelationLocator& last,
                  pg::Oid oid) const {
    const auto files = files_of_.find({first.database, oid});
    if (files == files_of_.end()) return may_be_truncation(first, last);
    wal::RelationLocator before = first;
    for (const wal::RelationLocator& file : files->second) {
      if (may_be_truncation(before, file) && !names_.row_of(file)->is_rewrite) return true;
      if (work_.emptied.contains(file)) return true;
      before = file;
    }
    return false;
  }
  // By its first file: neither an update of the relation's row gave it that, nor a rewrite.
  bool is_made_here(pg::Oid database, pg::Oid oid) const {
    const auto files = files_of_.find({database, oid});
    if (files == files_of_.end()) return false;
    const RelationNames::Row first = *names_.row_of(files->second.front());
    return !first.is_later && !first.is_rewrite;
  }

  // Then in their order, where it is plain that they belong together.
  void match_by_order() {
    const bool may_be_others =
        std::ranges::any_of(without_row_, [&](const wal::RelationLocator& file) {
          return unseen_.contains(file.database) && !names_.of(file);
        });
    if (may_be_others || without_row_.size() != dropped_.size()) {
      new_ones_.insert(new_ones_.end(), without_row_.begin(), without_row_.end());
      return;
    }
    for (size_t i = 0; i < dropped_.size(); ++i) {
      const bool keeps_rows =
          is_rewritten(dropped_[i]) || !may_be_truncation(dropped_[i], without_row_[i]);
      replace(dropped_[i], without_row_[i],
              keeps_rows ? rewrite_of(dropped_[i]) : FileFate::kTruncated);
    }
    dropped_.clear();
  }

  void replace(const wal::RelationLocator& from, const wal::RelationLocator& to, FileFate fate) {
    fates_.replaced.emplace_back(from, to);
    TouchedFile& gone = set(from, fate);
    // What a rewrite moves over is no row more; what was done to rows afterwards was.
    if (!is_rewrite(fate)) return;
    const auto written = files_.find(to);
    if (written != files_.end()) {
      if (fate == FileFate::kAltered && written->second.rows.inserted > 0) {
        gone.rows_gone = written->second.rows.inserted;
      }
      gone.rows.updated += written->second.rows.updated;
      gone.rows.deleted += written->second.rows.deleted;
      files_.erase(written);
    }
    fates_.moved.emplace_back(from, to);
  }

  // A loss is never taken for a rewrite because another table was rewritten beside it.
  bool is_rewritten(const wal::RelationLocator& file) const {
    const std::optional<RelationName> name = names_.of(file);
    return name ? rewritten_.contains(name->own_oid) : unmatched_rewrites_ > 0;
  }
  // The oid that the relation of a catalog's file has since initdb; 0 of any other.
  pg::Oid catalog_of(const wal::RelationLocator& file) const {
    if (const pg::Oid catalog = names_.catalog_in(file); catalog != 0) return catalog;
    if (const auto row = names_.row_of(file)) return row->oid < pg::kFirstUserOid ? row->oid : 0;
    const std::optional<RelationName> name = names_.of(file);
    return name && name->own_oid < pg::kFirstUserOid ? name->own_oid : 0;
  }
  FileFate rewrite_of(const wal::RelationLocator& file) const {
    return altered_.contains(file.database) ? FileFate::kAltered : FileFate::kRewritten;
  }

  TouchedFile& set(const wal::RelationLocator& file, FileFate fate) {
    TouchedFile& touched = files_[file];
    touched.file = file;
    touched.fate = fate;
    return touched;
  }
  FileFates done() {
    for (auto& [locator, file] : files_) fates_.files.push_back(file);
    return std::move(fates_);
  }

  const FileWork& work_;
  const RelationNames& names_;
  std::map<wal::RelationLocator, TouchedFile> files_;
  std::vector<wal::RelationLocator> dropped_, created_;
  // By database and oid, in order: those of a relation that came, even if they went again.
  std::map<std::pair<pg::Oid, pg::Oid>, std::vector<wal::RelationLocator>> files_of_;
  std::set<pg::Oid> altered_;    // databases in which definitions of columns changed
  std::set<pg::Oid> unseen_;     // in which relations came or went, and WAL does not say which
  std::set<pg::Oid> rewritten_;  // relations whose rows moved to a new file
  std::vector<wal::RelationLocator> without_row_, new_ones_;
  size_t unmatched_rewrites_ = 0;
  FileFates fates_;
};

}  // namespace

FileFates fates_of(const FileWork& work, const RelationNames& names) {
  Fates fates(work, names);
  return work.committed ? fates.of_commit() : fates.of_rollback();
}

}  // namespace walkback::find
