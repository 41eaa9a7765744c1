#include "s3/xml.h"

#include <fmt/format.h>

#include <memory>
#include <pugixml.hpp>

#include "base/whole_number.h"
#include "net/url.h"

namespace walkback::s3 {
namespace {

// More elements in one answer than any page has: 1000 entries of a dozen elements.
constexpr size_t kMaxTexts = 1'000;
// How deep an element is searched for: our recursion must not follow whatever nesting comes.
constexpr int kMaxDepth = 16;

Error unexpected(std::string_view what) {
  return make_error(ErrorKind::kCorrupt,
                    fmt::format("the server's answer is not the expected XML: {}", what),
                    "is the endpoint an S3 server, or a proxy in front of it?");
}

// pugixml reads no DTD and expands no entities but the five of XML and character references, so
// an answer cannot grow beyond its own size.
constexpr unsigned kParseOptions = pugi::parse_default;

class Document {
 public:
  static Result<Document> parse(ByteView body, std::string_view root) {
    if (body.size() > kMaxXmlBytes) return unexpected("it is too large");
    Document document;
    pugi::xml_parse_result parsed =
        document.tree_->load_buffer(body.data(), body.size(), kParseOptions, pugi::encoding_utf8);
    if (!parsed) return unexpected(parsed.description());
    document.root_ = document.tree_->document_element();
    if (document.root_.name() != root) {
      return unexpected(fmt::format("<{}> instead of <{}>",
                                    std::string_view(document.root_.name()).substr(0, 50), root));
    }
    return document;
  }
  pugi::xml_node root() const { return root_; }

 private:
  // On the heap: nodes point into it.
  std::unique_ptr<pugi::xml_document> tree_ = std::make_unique<pugi::xml_document>();
  pugi::xml_node root_;
};

std::string text(pugi::xml_node node, const char* child) { return node.child(child).child_value(); }

// Keys come encoded when the answer says so: XML 1.0 cannot hold every byte.
class KeyDecoder {
 public:
  explicit KeyDecoder(pugi::xml_node root) : encoded_(text(root, "EncodingType") == "url") {}
  std::string operator()(const std::string& key) const {
    return encoded_ ? net::percent_decode(key) : key;
  }

 private:
  bool encoded_;
};

bool is_truncated(pugi::xml_node root) { return text(root, "IsTruncated") == "true"; }

pugi::xml_node find_below(pugi::xml_node node, std::string_view name, int depth) {
  for (pugi::xml_node child : node.children()) {
    if (child.name() == name) return child;
    if (depth == 0) continue;
    if (pugi::xml_node found = find_below(child, name, depth - 1)) return found;
  }
  return {};
}

}  // namespace

std::optional<ErrorDocument> parse_error(ByteView body) {
  Result<Document> document = Document::parse(body, "Error");
  if (!document.ok()) return std::nullopt;
  pugi::xml_node root = document->root();
  ErrorDocument error;
  error.code = text(root, "Code");
  error.message = text(root, "Message");
  error.request_id = text(root, "RequestId");
  error.host_id = text(root, "HostId");
  error.region = text(root, "Region");
  error.server_time = text(root, "ServerTime");
  return error;
}

Result<ObjectPage> parse_object_page(ByteView body) {
  Document document = TRY(Document::parse(body, "ListBucketResult"));
  pugi::xml_node root = document.root();
  KeyDecoder decode(root);
  ObjectPage page;
  for (pugi::xml_node contents : root.children("Contents")) {
    std::optional<uint64_t> size = whole_number<uint64_t>(text(contents, "Size"));
    if (!size) return unexpected("an object without a size");
    page.objects.push_back({decode(text(contents, "Key")), *size});
    if (page.objects.size() > kMaxTexts) return unexpected("more than 1000 objects in a page");
  }
  for (pugi::xml_node prefix : root.children("CommonPrefixes")) {
    page.common_prefixes.push_back(decode(text(prefix, "Prefix")));
    if (page.common_prefixes.size() > kMaxTexts)
      return unexpected("more than 1000 folders in a page");
  }
  if (!is_truncated(root)) return page;
  page.next_token = text(root, "NextContinuationToken");
  if (page.next_token.empty()) return unexpected("a page that says there are more, but not where");
  return page;
}

Result<UploadPage> parse_upload_page(ByteView body) {
  Document document = TRY(Document::parse(body, "ListMultipartUploadsResult"));
  pugi::xml_node root = document.root();
  KeyDecoder decode(root);
  UploadPage page;
  for (pugi::xml_node upload : root.children("Upload")) {
    page.uploads.push_back(
        {decode(text(upload, "Key")), text(upload, "UploadId"), text(upload, "Initiated")});
    if (page.uploads.size() > kMaxTexts) return unexpected("more than 1000 uploads in a page");
  }
  if (!is_truncated(root)) return page;
  page.next_key = decode(text(root, "NextKeyMarker"));
  page.next_upload_id = text(root, "NextUploadIdMarker");
  if (page.next_key.empty()) return unexpected("a page that says there are more, but not where");
  return page;
}

Result<std::string> parse_upload_id(ByteView body) {
  Document document = TRY(Document::parse(body, "InitiateMultipartUploadResult"));
  std::string id = text(document.root(), "UploadId");
  if (id.empty()) return unexpected("a multipart upload without an id");
  return id;
}

Result<std::string> parse_completed_etag(ByteView body) {
  Document document = TRY(Document::parse(body, "CompleteMultipartUploadResult"));
  return text(document.root(), "ETag");
}

Result<std::vector<DeleteFailure>> parse_delete_failures(ByteView body) {
  Document document = TRY(Document::parse(body, "DeleteResult"));
  std::vector<DeleteFailure> failures;
  for (pugi::xml_node error : document.root().children("Error")) {
    failures.push_back({text(error, "Key"), text(error, "Code"), text(error, "Message")});
    if (failures.size() > kMaxTexts) return unexpected("more failures than keys");
  }
  return failures;
}

Result<std::string> parse_location(ByteView body) {
  Document document = TRY(Document::parse(body, "LocationConstraint"));
  return std::string(document.root().child_value());
}

Result<std::string> find_text(ByteView body, std::string_view element) {
  pugi::xml_document tree;
  if (body.size() > kMaxXmlBytes) return unexpected("it is too large");
  pugi::xml_parse_result parsed =
      tree.load_buffer(body.data(), body.size(), kParseOptions, pugi::encoding_utf8);
  if (!parsed) return unexpected(parsed.description());
  return std::string(find_below(tree.document_element(), element, kMaxDepth).child_value());
}

Result<AssumedRole> parse_assumed_role(ByteView body) {
  Document document = TRY(Document::parse(body, "AssumeRoleWithWebIdentityResponse"));
  pugi::xml_node credentials =
      document.root().child("AssumeRoleWithWebIdentityResult").child("Credentials");
  AssumedRole role;
  role.access_key_id = text(credentials, "AccessKeyId");
  role.secret_access_key = text(credentials, "SecretAccessKey");
  role.session_token = text(credentials, "SessionToken");
  role.expiration = text(credentials, "Expiration");
  if (role.access_key_id.empty() || role.secret_access_key.empty() || role.session_token.empty()) {
    return unexpected("a role without credentials");
  }
  return role;
}

std::string xml_escape(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string completion_document(const std::vector<std::string>& etags) {
  std::string text = "<CompleteMultipartUpload>";
  for (size_t i = 0; i < etags.size(); ++i) {
    text += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>", i + 1,
                        xml_escape(etags[i]));
  }
  return text + "</CompleteMultipartUpload>";
}

std::string deletion_document(const std::vector<std::string>& keys) {
  std::string text = "<Delete><Quiet>true</Quiet>";
  for (const std::string& key : keys) text += "<Object><Key>" + xml_escape(key) + "</Key></Object>";
  return text + "</Delete>";
}

}  // namespace walkback::s3
