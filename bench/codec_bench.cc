// What one byte costs in each step of a backup and a restore, on one core.
//
//   codec_bench                        pages made of text
//   WALKBACK_BENCH_FILE=PATH codec_bench  the first 64 MiB of a relation file of one's own
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <random>

#include "codec/frame.h"
#include "pg/page.h"
#include "repo/sealed.h"
#include "store/memory_store.h"

namespace walkback {
namespace {

constexpr size_t kSample = 64 << 20;

// Words by Zipf's law, with a number here and there: compresses about as a table of text does.
Bytes text() {
  std::mt19937_64 random(1);
  std::vector<std::string> words(20'000);
  for (std::string& word : words) {
    for (size_t i = 0, size = 2 + random() % 9; i < size; ++i)
      word += "etaoinshrdlucmfwyp"[random() % 18];
  }
  std::string all;
  while (all.size() < kSample) {
    const double place = std::generate_canonical<double, 32>(random);
    all += words[static_cast<size_t>(static_cast<double>(words.size()) * place * place * place)];
    all += random() % 10 == 0 ? std::to_string(random() % 1'000'000) : " ";
  }
  return to_bytes(as_bytes(all).first(kSample));
}

const Bytes& sample() {
  static const Bytes bytes = [] {
    const char* path = std::getenv("WALKBACK_BENCH_FILE");
    if (path == nullptr) return text();
    Bytes read(kSample);
    std::ifstream file(path, std::ios::binary);
    file.read(reinterpret_cast<char*>(read.data()), static_cast<std::streamsize>(read.size()));
    read.resize(static_cast<size_t>(file.gcount()));
    return read;
  }();
  return bytes;
}

// The sample in pieces of the first argument's KiB, for ever.
class Pieces {
 public:
  explicit Pieces(const benchmark::State& state)
      : size_(static_cast<size_t>(state.range(0)) << 10) {}
  ByteView next() {
    if (at_ + size_ > sample().size()) at_ = 0;
    at_ += size_;
    return ByteView(sample()).subspan(at_ - size_, size_);
  }

 private:
  const size_t size_;
  size_t at_ = 0;
};

void count_bytes(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * (state.range(0) << 10));
}

void BM_Encode(benchmark::State& state) {
  Pieces pieces(state);
  codec::FrameEncoder encoder(3);
  size_t in = 0;
  size_t out = 0;
  for (auto _ : state) {
    const ByteView content = pieces.next();
    in += content.size();
    out += encoder.encode(content).size();
  }
  count_bytes(state);
  state.counters["ratio"] = static_cast<double>(in) / static_cast<double>(out);
}
BENCHMARK(BM_Encode)->Arg(8)->Arg(64)->Arg(256)->Arg(512)->Arg(1024)->Arg(2048);

void BM_Decode(benchmark::State& state) {
  Pieces pieces(state);
  codec::FrameEncoder encoder(3);
  const Bytes frame = to_bytes(encoder.encode(pieces.next()));
  codec::FrameDecoder decoder;
  Bytes content(static_cast<size_t>(state.range(0)) << 10);
  for (auto _ : state) decoder.decode(frame, content).value();
  count_bytes(state);
}
BENCHMARK(BM_Decode)->Arg(8)->Arg(1024);

void BM_HashContent(benchmark::State& state) {
  Pieces pieces(state);
  for (auto _ : state) benchmark::DoNotOptimize(codec::hash_content(pieces.next()));
  count_bytes(state);
}
BENCHMARK(BM_HashContent)->Arg(1024);

void BM_HashPage(benchmark::State& state) {
  Pieces pieces(state);
  for (auto _ : state) benchmark::DoNotOptimize(codec::hash_page(pieces.next()));
  count_bytes(state);
}
BENCHMARK(BM_HashPage)->Arg(8);

void BM_PageChecksum(benchmark::State& state) {
  Pieces pieces(state);
  for (auto _ : state) benchmark::DoNotOptimize(pg::page_checksum(pieces.next(), 7));
  count_bytes(state);
}
BENCHMARK(BM_PageChecksum)->Arg(8);

void BM_Sha256(benchmark::State& state) {
  Pieces pieces(state);
  for (auto _ : state) benchmark::DoNotOptimize(codec::sha256(pieces.next()));
  count_bytes(state);
}
BENCHMARK(BM_Sha256)->Arg(1024);

void BM_ReadSealed(benchmark::State& state) {
  Pieces pieces(state);
  auto objects = store::make_memory_store();
  const store::ObjectKey key("object");
  auto writer = repo::create_sealed(*objects, key, repo::SealedKind::kManifest, 1, 3).value();
  writer->append(pieces.next()).value();
  writer->finish().value();
  Bytes payload(static_cast<size_t>(state.range(0)) << 10);
  for (auto _ : state) {
    auto reader = repo::open_sealed(*objects, key, repo::SealedKind::kManifest, 1).value();
    benchmark::DoNotOptimize(reader->read(payload).value());
  }
  count_bytes(state);
}
BENCHMARK(BM_ReadSealed)->Arg(4096);

}  // namespace
}  // namespace walkback

BENCHMARK_MAIN();
