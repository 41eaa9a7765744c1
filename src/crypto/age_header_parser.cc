// Header::parse(): bytes of unknown origin against the grammar of C2SP age.md, "ABNF definition of
// file header", and what it demands of X25519 and scrypt stanzas.
#include <algorithm>

#include "crypto/age_keys.h"
#include "crypto/base64.h"

namespace walkback::crypto {
namespace {

Error damaged(std::string_view why) {
  return make_error(ErrorKind::kCorrupt, "the age header is damaged: " + std::string(why));
}

bool is_visible(char letter) { return letter >= '!' && letter <= '~'; }

// The first line is not that of version 1.
Error wrong_version(std::string_view text) {
  constexpr std::string_view kAnyVersion = "age-encryption.org/";
  constexpr size_t kMostShown = 16;
  if (text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----")) {
    return make_error(ErrorKind::kUnsupported, "it is an age file in ASCII armor",
                      "only binary age files are read");
  }
  if (!text.starts_with(kAnyVersion)) {
    return make_error(ErrorKind::kCorrupt, "it is not an age file");
  }
  text.remove_prefix(kAnyVersion.size());
  const std::string_view version = text.substr(0, text.find('\n'));
  if (version.empty() || version.size() > kMostShown ||
      !std::all_of(version.begin(), version.end(), is_visible)) {
    return damaged("its first line is not a version");
  }
  return make_error(
      ErrorKind::kUnsupported,
      "it is an age file of version " + std::string(version) + "; only v1 is supported",
      "use a newer walkback");
}

struct Stanza {
  std::vector<std::string_view> arguments;  // at least one: the type
  Bytes body;
};

}  // namespace

// Takes lines off the text of a header that is known to be all there.
class HeaderParser {
 public:
  // From the version line to the line feed after the MAC.
  explicit HeaderParser(std::string_view text) : text_(text), rest_(text) {}

  Result<Header> parse() {
    take_line();  // the version, which was compared
    size_t stanzas = 0;
    for (; !rest_.starts_with(kMacStart); ++stanzas) {
      const Stanza stanza = TRY(take_stanza());
      TRY(recognize(stanza));
    }
    if (stanzas == 0) return damaged("it names no recipient");
    if (header_.needs_passphrase_ && stanzas > 1) {
      return damaged("a passphrase stands beside other recipients");
    }
    header_.authenticated_ = text_.substr(0, text_.size() - rest_.size() + kMacStart.size());
    TRY(take_mac());
    return std::move(header_);
  }

 private:
  std::string_view take_line() {
    const size_t end = rest_.find('\n');  // there is one: the MAC's line ends the text
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return line;
  }

  Result<Stanza> take_stanza() {
    std::string_view line = take_line();
    if (!line.starts_with(kStanzaStart)) return damaged("a line begins neither with -> nor ---");
    Stanza stanza;
    stanza.arguments = TRY(split(line.substr(kStanzaStart.size())));
    do {
      line = take_line();
      const std::optional<Bytes> decoded = decode_base64(line);
      if (!decoded || line.size() > kBodyColumns) return damaged("a stanza's body is not base 64");
      stanza.body.insert(stanza.body.end(), decoded->begin(), decoded->end());
    } while (line.size() == kBodyColumns);
    return stanza;
  }

  static Result<std::vector<std::string_view>> split(std::string_view arguments) {
    std::vector<std::string_view> parts;
    while (true) {
      const size_t space = arguments.find(' ');
      const std::string_view part = arguments.substr(0, space);
      if (part.empty() || !std::all_of(part.begin(), part.end(), is_visible)) {
        return damaged("a stanza's argument is empty or not text");
      }
      parts.push_back(part);
      if (space == std::string_view::npos) return parts;
      arguments.remove_prefix(space + 1);
    }
  }

  // Stanzas of other types are for others, or grease.
  Result<void> recognize(const Stanza& stanza) {
    if (stanza.arguments.front() == "scrypt") header_.needs_passphrase_ = true;
    if (stanza.arguments.front() != kX25519) return success();
    if (stanza.arguments.size() != 2) return damaged("an X25519 stanza needs one argument");
    Header::WrappedKey wrapped;
    const std::optional<Bytes> share = decode_base64(stanza.arguments[1]);
    if (!share || share->size() != wrapped.share.size()) {
      return damaged("an X25519 share is not 32 bytes in base 64");
    }
    // Checked before it is decrypted: a longer body could fit several keys (age.md, partitioning
    // oracles).
    if (stanza.body.size() != wrapped.body.size()) {
      return damaged("the body of an X25519 stanza is not 32 bytes");
    }
    std::copy(share->begin(), share->end(), wrapped.share.begin());
    std::copy(stanza.body.begin(), stanza.body.end(), wrapped.body.begin());
    header_.wrapped_keys_.push_back(wrapped);
    return success();
  }

  Result<void> take_mac() {
    std::string_view line = take_line();
    line.remove_prefix(kMacStart.size());
    if (!line.starts_with(' ')) return damaged("there is no space before its MAC");
    const std::optional<Bytes> mac = decode_base64(line.substr(1));
    if (!mac || mac->size() != header_.mac_.size()) {
      return damaged("its MAC is not 32 bytes in base 64");
    }
    std::copy(mac->begin(), mac->end(), header_.mac_.begin());
    return success();
  }

  std::string_view text_;
  std::string_view rest_;
  Header header_;
};

Result<std::optional<Header>> Header::parse(ByteView start_of_file) {
  const std::string_view text = as_text(start_of_file);
  const std::optional<Header> more_needed;
  if (!text.starts_with(kVersionLine)) {
    if (kVersionLine.starts_with(text)) return more_needed;
    return wrong_version(text);
  }
  // No line of a stanza begins with a '-' that is not "->", so the first "---" is the MAC's.
  const std::string_view searched = text.substr(0, kMostHeaderBytes);
  const size_t mac_line = searched.find("\n---");
  const size_t end =
      mac_line == std::string_view::npos ? mac_line : searched.find('\n', mac_line + 1);
  if (end == std::string_view::npos) {
    if (text.size() < kMostHeaderBytes) return more_needed;
    return damaged("it does not end within 64 KiB");
  }
  const size_t size = end + 1;
  if (text.size() - size < kNonceBytes) return more_needed;
  Header header = TRY(HeaderParser(text.substr(0, size)).parse());
  const ByteView nonce = start_of_file.subspan(size, kNonceBytes);
  std::copy(nonce.begin(), nonce.end(), header.nonce_.begin());
  header.payload_start_ = size + kNonceBytes;
  return std::optional<Header>(std::move(header));
}

}  // namespace walkback::crypto
