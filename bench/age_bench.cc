// What encryption, decryption and signatures cost, on one core.
//
//   age_bench
#include <benchmark/benchmark.h>

#include "base/check.h"
#include "crypto/decrypt.h"
#include "crypto/encrypt.h"
#include "crypto/signature.h"

namespace walkback {
namespace {

constexpr size_t kFile = 32 << 20;  // a pack

const crypto::Identity& identity() {
  static const crypto::Identity made = crypto::Identity::generate(system_random());
  return made;
}

Bytes random_bytes(size_t size) {
  Bytes bytes(size);
  system_random().fill(bytes);
  return bytes;
}

// One file in pieces of the argument's KiB, as a writer of an object does.
void BM_Encrypt(benchmark::State& state) {
  const Bytes plaintext = random_bytes(kFile);
  const size_t piece = static_cast<size_t>(state.range(0)) << 10;
  for (auto _ : state) {
    crypto::Encryptor encryptor(std::span(&identity().recipient(), 1), system_random());
    for (size_t at = 0; at < kFile; at += piece) {
      benchmark::DoNotOptimize(encryptor.append(ByteView(plaintext).subspan(at, piece)).data());
    }
    benchmark::DoNotOptimize(encryptor.finish().data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(kFile));
}
BENCHMARK(BM_Encrypt)->Arg(64)->Arg(256)->Arg(1024);

// Ranges of the argument's KiB at places that fit no chunk, as a reader of frames does.
void BM_DecryptRange(benchmark::State& state) {
  const Bytes plaintext = random_bytes(kFile);
  const Bytes file =
      crypto::encrypt(plaintext, std::span(&identity().recipient(), 1), system_random());
  const crypto::Header header = crypto::Header::parse(file).value().value();
  const auto layout = crypto::PayloadLayout::of(file.size(), header.payload_start()).value();
  crypto::Decryptor decryptor(header.unwrap(std::span(&identity(), 1)).value());
  Bytes range(static_cast<size_t>(state.range(0)) << 10);
  uint64_t offset = 1'000;
  for (auto _ : state) {
    if (offset + range.size() > plaintext.size()) offset = 1'000;
    const crypto::ChunkRange chunks = layout.chunks_of(offset, range.size()).value();
    const ByteView sealed = ByteView(file).subspan(chunks.file_offset, chunks.file_size);
    decryptor.decrypt_range(layout, offset, sealed, range).value();
    offset += range.size();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(range.size()));
}
BENCHMARK(BM_DecryptRange)->Arg(64)->Arg(256)->Arg(1024);

void BM_DecryptAtOnce(benchmark::State& state) {
  const Bytes file =
      crypto::encrypt(random_bytes(kFile), std::span(&identity().recipient(), 1), system_random());
  for (auto _ : state) {
    benchmark::DoNotOptimize(crypto::decrypt(file, std::span(&identity(), 1), kFile).value());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(kFile));
}
BENCHMARK(BM_DecryptAtOnce);

// What each object costs before its first byte.
void BM_MakeHeader(benchmark::State& state) {
  const std::vector<crypto::Recipient> recipients(static_cast<size_t>(state.range(0)),
                                                  identity().recipient());
  for (auto _ : state) {
    benchmark::DoNotOptimize(crypto::make_header(recipients, system_random()));
  }
}
BENCHMARK(BM_MakeHeader)->Arg(1)->Arg(3);

void BM_ReadHeader(benchmark::State& state) {
  const Bytes file =
      crypto::make_header(std::span(&identity().recipient(), 1), system_random()).bytes;
  for (auto _ : state) {
    const crypto::Header header = crypto::Header::parse(file).value().value();
    benchmark::DoNotOptimize(header.unwrap(std::span(&identity(), 1)).value());
  }
}
BENCHMARK(BM_ReadHeader);

void BM_Sign(benchmark::State& state) {
  const crypto::SigningKey key = crypto::SigningKey::generate(system_random());
  const Bytes digest = random_bytes(32);
  for (auto _ : state) benchmark::DoNotOptimize(key.sign(digest));
}
BENCHMARK(BM_Sign);

void BM_Verify(benchmark::State& state) {
  const crypto::SigningKey key = crypto::SigningKey::generate(system_random());
  const Bytes digest = random_bytes(32);
  const crypto::Signature signature = key.sign(digest);
  for (auto _ : state) CHECK(key.verify_key().verify(digest, signature));
}
BENCHMARK(BM_Verify);

}  // namespace
}  // namespace walkback

BENCHMARK_MAIN();
