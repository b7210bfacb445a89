#include "linux/secret_probe_candidates.h"

#include <cstring>

namespace oximy {
namespace {

/** The length of the secret, or 0. */
size_t SecretLength(const uint8_t* block) {
  uint64_t used;
  std::memcpy(&used, block + offsetof(ProbedBlock, used), sizeof used);
  if (used != 32 && used != 48) return 0;
  uint32_t first;
  std::memcpy(&first, block, sizeof first);
  if (first == 0) return 0;
  for (size_t i = used; i < sizeof(ProbedBlock::bytes); i++) {
    if (block[i] != 0) return 0;
  }
  return used;
}

std::optional<int32_t> OffsetIn(const uint8_t* memory, size_t size, const uint8_t (&random)[32]) {
  const auto* at = static_cast<const uint8_t*>(memmem(memory, size, random, sizeof random));
  return at ? std::optional<int32_t>(static_cast<int32_t>(at - memory)) : std::nullopt;
}

}  // namespace

void EachCandidate(const ProbedFrame& frame, size_t preserved_count,
                   const std::function<void(const uint8_t*, size_t)>& take) {
  const auto offer = [&](const uint8_t* block) {
    if (const size_t length = SecretLength(block)) take(block, length);
  };
  for (size_t i = 0; i < preserved_count; i++) offer(reinterpret_cast<const uint8_t*>(&frame.pointed[i]));
  for (size_t i = 0; i + sizeof(ProbedBlock) <= sizeof frame.stack; i += sizeof(uint64_t)) offer(frame.stack + i);
}

std::optional<RandomPlace> FindRandom(const ProbedMemory& memory, const uint8_t (&random)[32]) {
  if (const auto offset = OffsetIn(memory.connection, sizeof memory.connection, random)) {
    return RandomPlace{-1, *offset};
  }
  for (size_t i = 0; i < ProbedMemory::kPointers; i++) {
    if (const auto offset = OffsetIn(memory.pointed[i], sizeof memory.pointed[i], random)) {
      return RandomPlace{static_cast<int32_t>(8 * i), *offset};
    }
  }
  return std::nullopt;
}

}  // namespace oximy
