// A sealed object: metadata that knows what it is and notices any change to itself.
//
//   sealed   = head frames tail
//   head     = zstd skippable frame 0x184D2A57, 8 bytes:  "WBK" kind:u8  version:u16le  zero:u16
//   frames   = one or more zstd frames: the payload
//   tail     = zstd skippable frame 0x184D2A58, 32 bytes: SHA-256 of everything before the tail
//
// zstd -d skips the skippable frames (RFC 8878 section 3.1.2), so stock tools read the payload. A
// later version signs the tail; encryption wraps the whole.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "codec/frame.h"
#include "store/object_store.h"

namespace walkback::repo {

// The letter is part of the format.
enum class SealedKind : uint8_t {
  kManifest = 'M',
  kWalIndex = 'I',
  kNames = 'N',
  kVerified = 'V',
  kDrill = 'D',
};

// Appends payload to an object in pieces. One thread at a time.
class SealedWriter {
 public:
  virtual ~SealedWriter() = default;
  virtual Result<void> append(ByteView payload) = 0;
  // Ends the object and makes it durable; see ObjectWriter::finish().
  virtual Result<store::PutOutcome> finish() = 0;
  // What the tail says, once it is written: no other object's.
  const codec::Sha256& seal() const { return seal_; }

 protected:
  codec::Sha256 seal_{};
};
Result<std::unique_ptr<SealedWriter>> create_sealed(store::ObjectStore& objects,
                                                    const store::ObjectKey& key, SealedKind kind,
                                                    uint16_t version, int level);

// Reads payload in pieces, in bounded memory. open_sealed() checks the whole object against its
// tail first, so not one byte of a changed object is ever returned. One thread at a time.
class SealedReader {
 public:
  virtual ~SealedReader() = default;
  uint16_t version() const { return version_; }
  const codec::Sha256& seal() const { return seal_; }
  // Fills `out`; fewer bytes only at the end.
  virtual Result<size_t> read(MutableBytes out) = 0;

 protected:
  uint16_t version_ = 0;
  codec::Sha256 seal_{};
};
// kCorrupt names the object; a version above `newest` is kUnsupported with the hint to use a newer
// walkback.
Result<std::unique_ptr<SealedReader>> open_sealed(store::ObjectStore& objects,
                                                  const store::ObjectKey& key, SealedKind kind,
                                                  uint16_t newest);

}  // namespace walkback::repo
