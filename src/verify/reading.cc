#include "verify/reading.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/task_group.h"

namespace walkback::verify {

namespace {

constexpr size_t kReadPiece = 4 << 20;

Result<Bytes> read_whole(Run& run, store::ObjectReader& reader, uint64_t at_most) {
  const uint64_t size = reader.size();
  if (size > at_most) {
    return make_error(ErrorKind::kCorrupt,
                      fmt::format("it has {} bytes, and no object of its kind so many", size));
  }
  Bytes bytes(size);
  for (uint64_t at = 0; at < size;) {
    const size_t piece = std::min<uint64_t>(kReadPiece, size - at);
    TRY(run.limit.take(piece));
    TRY(reader.read_at(at, MutableBytes(bytes).subspan(at, piece)));
    run.progress.add_bytes(piece);
    at += piece;
  }
  return bytes;
}

}  // namespace

const Known* settled(const Run& run, const Subject& subject) {
  const Known* known = run.memory.find(run.name_of(subject.key));
  // Of another size it is another object, whatever was known.
  if (known == nullptr || known->stored_bytes != subject.stored_bytes) return nullptr;
  if (known->is_in_doubt()) return nullptr;
  if (run.options.deep && known->read_at < run.memory.since()) return nullptr;
  // More can be proved by who has a key.
  const bool closed = run.without_key && is_table_data(subject.of);
  const Proof enough = closed ? Proof::kSeen : Proof::kProved;
  return known->proof >= enough ? known : nullptr;
}

bool is_settled(Run& run, const Subject& subject) {
  const Known* known = settled(run, subject);
  if (known == nullptr) return false;
  run.ledger.count(subject.of, subject.stored_bytes, known->proof, known->proved_at);
  return true;
}

bool is_of_the_object(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kCorrupt:
    case ErrorKind::kMissing:
    case ErrorKind::kInvalid:
    case ErrorKind::kConflict:
    case ErrorKind::kUnsupported:
    case ErrorKind::kIo:      // a disk that cannot read this sector
    case ErrorKind::kDenied:  // of another user; what keys do not open was dealt with before
      return true;
    default:
      return false;
  }
}

void report(Run& run, const Subject& subject, const Error& error) {
  const std::string& name = subject.key.text();
  std::string text = error.message;
  for (std::string_view before : {name + ": ", name + " is ", name + " "}) {
    if (text.starts_with(before)) text.erase(0, before.size());
  }
  const Trouble trouble = error.kind == ErrorKind::kMissing  ? Trouble::kMissing
                          : error.kind == ErrorKind::kDenied ? Trouble::kUnopened
                                                             : Trouble::kDamaged;
  run.ledger.find(subject.of, {trouble, name, std::move(text), {}});
  if (trouble == Trouble::kUnopened) return;
  // Else the next run that is not deep would believe an older proof, and prune would count a backup
  // that needs it. What cannot be written down now is with the run's last record.
  Known damaged;
  damaged.damaged_at = run.clock.now();
  (void)run.memory.remember(run.name_of(subject.key), std::move(damaged));
}

Result<void> not_read(Run& run, const Subject& subject, const Error& error) {
  if (error.kind == ErrorKind::kDenied && run.encrypted()) {
    run.ledger.unopened(subject.of, subject.key.text(), subject.stored_bytes,
                        std::string(kUnopened));
    return success();
  }
  if (!is_of_the_object(error)) return error;
  report(run, subject, error);
  return success();
}

Result<std::optional<Bytes>> read_content(Run& run, const Subject& subject, uint64_t at_most) {
  Result<std::unique_ptr<store::ObjectReader>> reader = run.objects.open(subject.key);
  if (!reader.ok()) {
    if (reader.error().kind == ErrorKind::kDenied && run.encrypted()) return std::optional<Bytes>();
    return std::move(reader).error();
  }
  if (run.encrypted()) run.ledger.opened(subject.of);
  run.ledger.count_read(subject.of, subject.stored_bytes);
  return std::optional<Bytes>(TRY(read_whole(run, **reader, at_most)));
}

Result<void> proved(Run& run, const Subject& subject, std::vector<uint32_t> frames) {
  const Timestamp now = run.clock.now();
  run.ledger.count(subject.of, subject.stored_bytes, Proof::kProved, now);
  return run.memory.remember(
      run.name_of(subject.key),
      {Proof::kProved, now, now, subject.stored_bytes, std::nullopt, std::move(frames)});
}

Result<void> compare_stored(Run& run, const Subject& subject, uint64_t at_most,
                            const std::optional<codec::ContentHash>& as_written) {
  const Known* before = run.memory.find(run.name_of(subject.key));
  // What was damaged when it was first read says nothing of what is there now.
  if (before != nullptr && !before->has_proof()) before = nullptr;
  const bool seen = before != nullptr && before->stored_hash.has_value();
  const bool closed = run.without_key && is_table_data(subject.of);
  if (!closed && !as_written && !seen) {
    run.ledger.unopened(subject.of, subject.key.text(), subject.stored_bytes,
                        std::string(kUnopened));
    return success();
  }
  if (before != nullptr && before->stored_bytes != subject.stored_bytes) {
    return make_error(ErrorKind::kCorrupt,
                      fmt::format("it has {} bytes, and had {} when it was read before",
                                  subject.stored_bytes, before->stored_bytes));
  }
  // As repo/encrypted_store names it.
  const store::ObjectKey stored(subject.key.text() + ".age");
  auto reader = TRY(run.beneath.open(stored));
  run.ledger.count_read(subject.of, subject.stored_bytes);
  const codec::ContentHash hash = codec::hash_content(TRY(read_whole(run, *reader, at_most)));
  if (as_written && *as_written != hash) {
    return make_error(ErrorKind::kCorrupt, "its bytes are not those that were written");
  }
  if (!as_written && seen && *before->stored_hash != hash) {
    return make_error(ErrorKind::kCorrupt, "its bytes are not those that were read before");
  }
  const Timestamp now = run.clock.now();
  const Proof proof = as_written ? Proof::kAsWritten : Proof::kSeen;
  run.ledger.count(subject.of, subject.stored_bytes, proof, now);
  return run.memory.remember(run.name_of(subject.key),
                             {proof, now, now, subject.stored_bytes, hash, {}});
}

Result<void> side_by_side(Run& run, size_t count,
                          const std::function<Result<void>(int worker, size_t task)>& work) {
  std::atomic<size_t> next = 0;
  TaskGroup workers(run.stop);
  for (int worker = 0; worker < run.options.workers; ++worker) {
    workers.start([&, worker](std::stop_token stop) -> Result<void> {
      for (size_t task; !stop.stop_requested() && (task = next++) < count;) {
        TRY(work(worker, task));
      }
      return success();
    });
  }
  return workers.wait();
}

}  // namespace walkback::verify
