#include "s3/listing.h"

#include <fmt/format.h>

#include "base/sort_unique.h"
#include "base/time_text.h"

namespace walkback::s3 {
namespace {

using store::ObjectKey;

constexpr int kPageSize = 1'000;  // the most that S3 gives

// "prefix/" or "".
std::string root_of(Objects& objects) {
  const std::string& prefix = objects.client().options().prefix;
  return prefix.empty() ? "" : prefix + "/";
}

// One ListObjectsV2 after the other.
class Pages {
 public:
  Pages(Objects& objects, std::string_view prefix) : objects_(objects), root_(root_of(objects)) {
    call_ = {.action = Action::kList,
             .doing = objects.doing("listing", std::string(prefix) + "*"),
             .query = {{"list-type", "2"},
                       {"encoding-type", "url"},
                       {"max-keys", std::to_string(kPageSize)},
                       {"prefix", root_ + std::string(prefix)}}};
  }

  void start_after(std::string_view after) {
    if (!after.empty()) call_.query.emplace_back("start-after", root_ + std::string(after));
  }
  void by_folder() { call_.query.emplace_back("delimiter", "/"); }

  // Nothing after the last.
  Result<std::optional<ObjectPage>> next() {
    if (ended_) return {std::nullopt};
    Call call = call_;
    if (!token_.empty()) call.query.emplace_back("continuation-token", token_);
    net::Response response = TRY(objects_.client().must(call));
    ObjectPage page = TRY_CONTEXT(parse_object_page(response.body), call_.doing);
    ended_ = page.next_token.empty();
    if (!ended_ && page.next_token == token_) return error("the same page comes again and again");
    token_ = page.next_token;
    return {std::move(page)};
  }

  // The store's name for a key; nothing for a key that is not below the prefix.
  std::optional<std::string> name_of(std::string_view key) const {
    if (!key.starts_with(root_)) return std::nullopt;
    return std::string(key.substr(root_.size()));
  }

  Error error(std::string_view what) const {
    return make_error(ErrorKind::kUnsupported, fmt::format("{}: {}", call_.doing, what),
                      "this server cannot hold a repository; `walkback check` says what it lacks");
  }

 private:
  Objects& objects_;
  const std::string root_;
  Call call_;
  std::string token_;
  bool ended_ = false;
};

// Names one after the other, and what is promised of their order.
class OrderedVisit {
 public:
  OrderedVisit(const Pages& pages, std::string_view prefix, std::string_view after,
               const store::ObjectStore::Visitor& visit)
      : pages_(pages), prefix_(prefix), after_(after), visit_(visit) {}

  // False: the visitor has seen enough.
  Result<bool> page(const ObjectPage& page) {
    for (const ListedObject& object : page.objects) {
      std::optional<std::string> name = pages_.name_of(object.key);
      if (!name || !name->starts_with(prefix_) || *name <= after_) continue;
      if (seen_ && *name <= last_) return pages_.error("the names are not in byte order");
      seen_ = true;
      last_ = *name;
      Result<ObjectKey> key = ObjectKey::parse(*name);
      if (key.ok() && !visit_({*key, object.size})) return false;
    }
    return true;
  }

 private:
  const Pages& pages_;
  const std::string prefix_;
  const std::string after_;
  const store::ObjectStore::Visitor& visit_;
  bool seen_ = false;
  std::string last_;
};

}  // namespace

Result<void> list_objects(Objects& objects, std::string_view prefix, std::string_view after,
                          const store::ObjectStore::Visitor& visit) {
  Pages pages(objects, prefix);
  pages.start_after(after);
  OrderedVisit names(pages, prefix, after, visit);
  for (;;) {
    std::optional<ObjectPage> page = TRY(pages.next());
    if (!page || !TRY(names.page(*page))) return success();
  }
}

Result<std::vector<std::string>> list_folders(Objects& objects, std::string_view folder) {
  CHECK(folder.empty() || folder.ends_with('/'));
  Pages pages(objects, folder);
  pages.by_folder();
  std::vector<std::string> folders;
  for (;;) {
    std::optional<ObjectPage> page = TRY(pages.next());
    if (!page) break;
    for (const std::string& common : page->common_prefixes) {
      std::optional<std::string> name = pages.name_of(common);
      if (!name || !name->starts_with(folder) || !name->ends_with('/')) continue;
      name->pop_back();
      name->erase(0, folder.size());
      // Also refuses what begins with '.' or holds another '/'.
      if (name->find('/') == std::string::npos && ObjectKey::parse(*name).ok()) {
        folders.push_back(std::move(*name));
      }
    }
  }
  sort_unique(folders);
  return folders;
}

Result<std::vector<UnfinishedUpload>> list_uploads(Objects& objects, Timestamp before) {
  std::string root = root_of(objects);
  std::vector<UnfinishedUpload> found;
  UploadPage page;
  do {
    Call call{.action = Action::kListUploads,
              .doing = "listing unfinished uploads in " + s3_url(objects.client().options()),
              .query = {{"uploads", ""},
                        {"encoding-type", "url"},
                        {"max-uploads", std::to_string(kPageSize)},
                        {"prefix", root}}};
    if (!page.next_key.empty()) {
      call.query.emplace_back("key-marker", page.next_key);
      call.query.emplace_back("upload-id-marker", page.next_upload_id);
    }
    net::Response response = TRY(objects.client().must(call));
    page = TRY_CONTEXT(parse_upload_page(response.body), call.doing);
    for (const ListedUpload& upload : page.uploads) {
      if (!upload.key.starts_with(root)) continue;
      Timestamp initiated =
          TRY_CONTEXT(parse_iso_utc(upload.initiated), call.doing + ": when one began");
      if (initiated < before) {
        found.push_back({upload.key.substr(root.size()), upload.upload_id, initiated});
      }
    }
  } while (!page.next_key.empty());
  return found;
}

}  // namespace walkback::s3
