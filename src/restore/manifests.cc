#include "restore/manifests.h"

namespace walkback::restore {

Manifests::Manifests(store::ObjectStore& objects, const catalog::LineageLayout& layout,
                     catalog::OnUnreadable unreadable)
    : objects_(objects), layout_(layout), unreadable_(std::move(unreadable)) {}

Result<std::optional<Manifests::Opened>> Manifests::open(const catalog::BackupSummary& backup) {
  if (passed_over(backup.id)) return std::optional<Opened>();
  auto pass_over = [&](const Error& error) {
    passed_over_.insert(backup.id);
    if (!first_) first_ = error;
    unreadable_(error);
  };
  std::optional<Opened> opened = TRY(catalog::or_left_out(read(backup), pass_over));
  any_whole_ = any_whole_ || opened.has_value();
  return opened;
}

std::optional<Error> Manifests::why_none() const { return any_whole_ ? std::nullopt : first_; }

Result<Manifests::Opened> Manifests::read(const catalog::BackupSummary& backup) const {
  const std::string context = "backup " + backup.id.text;
  Result<catalog::ManifestConclusion> conclusion =
      catalog::read_conclusion(objects_, layout_, backup);
  if (!conclusion.ok()) {
    Error error = std::move(conclusion).error().with_context(context);
    // It was listed a moment ago: what is missing of it is lost.
    if (error.kind == ErrorKind::kMissing) error.kind = ErrorKind::kCorrupt;
    return error;
  }
  const pg::ControlFile control =
      TRY_CONTEXT(pg::parse_control_file(conclusion->pg_control), context);
  return Opened{std::move(conclusion).value(), control};
}

}  // namespace walkback::restore
