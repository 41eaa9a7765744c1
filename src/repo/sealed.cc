#include "repo/sealed.h"

#include <algorithm>
#include <utility>

namespace walkback::repo {

namespace {

constexpr uint32_t kHeadMagic = 0x184D2A57;
constexpr uint32_t kTailMagic = 0x184D2A58;
constexpr size_t kHeadBytes = 16;  // skippable frame: magic, length of content, content
constexpr size_t kTailBytes = 8 + sizeof(codec::Sha256);
constexpr size_t kPayloadFrame = 256 << 10;
constexpr size_t kReadPiece = 256 << 10;

void put(Bytes& to, uint32_t value) {
  for (int i = 0; i < 4; ++i) to.push_back(static_cast<std::byte>(value >> (8 * i)));
}

Bytes make_head(SealedKind kind, uint16_t version) {
  Bytes head;
  put(head, kHeadMagic);
  put(head, kHeadBytes - 8);
  for (char letter : {'W', 'B', 'K'}) head.push_back(static_cast<std::byte>(letter));
  head.push_back(static_cast<std::byte>(kind));
  put(head, version);  // and two bytes of zero
  return head;
}

Bytes make_tail(const codec::Sha256& digest) {
  Bytes tail;
  put(tail, kTailMagic);
  put(tail, sizeof(codec::Sha256));
  tail.insert(tail.end(), digest.begin(), digest.end());
  return tail;
}

class Writer : public SealedWriter {
 public:
  Writer(std::unique_ptr<store::ObjectWriter> object, SealedKind kind, uint16_t version, int level)
      : object_(std::move(object)), encoder_(level), head_(make_head(kind, version)) {
    payload_.reserve(kPayloadFrame);
  }

  Result<void> append(ByteView payload) override {
    while (!payload.empty()) {
      const size_t size = std::min(payload.size(), kPayloadFrame - payload_.size());
      payload_.insert(payload_.end(), payload.begin(),
                      payload.begin() + static_cast<ptrdiff_t>(size));
      payload = payload.subspan(size);
      if (payload_.size() == kPayloadFrame) TRY(write_frame());
    }
    return success();
  }

  Result<store::PutOutcome> finish() override {
    // An empty payload is one empty frame, so that `zstd -d` always finds a frame.
    if (!payload_.empty() || !head_.empty()) TRY(write_frame());
    seal_ = digest_.finish();
    TRY(object_->append(make_tail(seal_)));
    return object_->finish();
  }

 private:
  Result<void> write_frame() {
    if (!head_.empty()) TRY(write(std::exchange(head_, {})));
    TRY(write(encoder_.encode(payload_)));
    payload_.clear();
    return success();
  }

  Result<void> write(ByteView bytes) {
    digest_.update(bytes);
    return object_->append(bytes);
  }

  std::unique_ptr<store::ObjectWriter> object_;
  codec::FrameEncoder encoder_;
  codec::Sha256Stream digest_;
  Bytes head_;  // until it is written
  Bytes payload_;
};

class Reader : public SealedReader {
 public:
  Reader(std::unique_ptr<store::ObjectReader> object, const store::ObjectKey& key)
      : object_(std::move(object)), name_(key.text()), stream_(kReadPiece) {}

  Result<void> open(SealedKind kind, uint16_t newest) {
    if (object_->size() < kHeadBytes + kTailBytes) return corrupt("it is too short");
    end_ = object_->size() - kTailBytes;
    TRY(check_tail());
    return check_head(kind, newest);
  }

  Result<size_t> read(MutableBytes out) override {
    size_t filled = 0;
    while (filled < out.size()) {
      if (rest_.empty() && position_ < end_) TRY(fetch());
      Result<codec::StreamDecoder::Step> step = decoder_.decode(rest_, out.subspan(filled));
      if (!step.ok()) return corrupt(step.error().message);
      rest_ = rest_.subspan(step->consumed);
      filled += step->produced;
      if (step->consumed == 0 && step->produced == 0) {
        if (!decoder_.between_frames()) return corrupt("its payload is cut short");
        break;
      }
    }
    return filled;
  }

 private:
  Error corrupt(const std::string& why) const {
    return make_error(ErrorKind::kCorrupt, name_ + " is damaged: " + why,
                      "restore this object from another copy of the repository");
  }

  Result<void> fetch() {
    const size_t size = static_cast<size_t>(std::min<uint64_t>(stream_.size(), end_ - position_));
    const MutableBytes piece = MutableBytes(stream_).first(size);
    TRY(object_->read_at(position_, piece));
    position_ += size;
    rest_ = piece;
    return success();
  }

  Result<void> check_tail() {
    codec::Sha256Stream digest;
    for (position_ = 0; position_ < end_;) {
      TRY(fetch());
      digest.update(rest_);
    }
    Bytes tail(kTailBytes);
    TRY(object_->read_at(end_, tail));
    seal_ = digest.finish();
    if (tail != make_tail(seal_)) return corrupt("its bytes do not match its checksum");
    return success();
  }

  Result<void> check_head(SealedKind kind, uint16_t newest) {
    Bytes head(kHeadBytes);
    TRY(object_->read_at(0, head));
    version_ = load<uint16_t>(head, 12);
    if (head != make_head(kind, version_)) return corrupt("it is an object of another kind");
    if (version_ > newest) {
      return make_error(ErrorKind::kUnsupported,
                        name_ + " has format version " + std::to_string(version_) +
                            "; this walkback reads up to " + std::to_string(newest),
                        "use a newer walkback");
    }
    position_ = kHeadBytes;
    rest_ = {};
    return success();
  }

  std::unique_ptr<store::ObjectReader> object_;
  const std::string name_;
  uint64_t end_ = 0;       // where the tail begins
  uint64_t position_ = 0;  // of the next fetch
  Bytes stream_;
  ByteView rest_;  // of what was fetched last
  // The payload's frames have the size above; eight times that for later writers.
  codec::StreamDecoder decoder_{8 * kPayloadFrame};
};

}  // namespace

Result<std::unique_ptr<SealedWriter>> create_sealed(store::ObjectStore& objects,
                                                    const store::ObjectKey& key, SealedKind kind,
                                                    uint16_t version, int level) {
  std::unique_ptr<store::ObjectWriter> object = TRY(objects.create(key));
  return std::unique_ptr<SealedWriter>(
      std::make_unique<Writer>(std::move(object), kind, version, level));
}

Result<std::unique_ptr<SealedReader>> open_sealed(store::ObjectStore& objects,
                                                  const store::ObjectKey& key, SealedKind kind,
                                                  uint16_t newest) {
  auto reader = std::make_unique<Reader>(TRY(objects.open(key)), key);
  TRY(reader->open(kind, newest));
  return std::unique_ptr<SealedReader>(std::move(reader));
}

}  // namespace walkback::repo
