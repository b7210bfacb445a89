#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace oximy::sites {

/** 16 bytes at once, by the vector extensions of gcc and clang: SSE2 and NEON, which all supported machines have. */
using ByteBlock = uint8_t __attribute__((vector_size(16)));

inline ByteBlock BlockAt(const uint8_t* from) {
  ByteBlock block;
  std::memcpy(&block, from, sizeof block);
  return block;
}

inline bool Any(ByteBlock mask) {
  uint64_t halves[2];
  std::memcpy(halves, &mask, sizeof mask);
  return (halves[0] | halves[1]) != 0;
}

/**
 * Calls `take(position)` for each position that `exact` accepts; checks a block only where `likely(pointer)` is not 0.
 * Both may read `ahead` bytes beyond their position; positions with fewer bytes after them are skipped.
 */
template <typename Likely, typename Exact, typename Take>
void ScanBytes(const uint8_t* from, size_t size, size_t ahead, Likely likely, Exact exact, Take take) {
  if (size <= ahead) return;
  const size_t positions = size - ahead;
  size_t at = 0;
  for (; at + sizeof(ByteBlock) <= positions; at += sizeof(ByteBlock)) {
    if (!Any(likely(from + at))) continue;
    for (size_t i = at; i < at + sizeof(ByteBlock); i++) {
      if (exact(from + i)) take(i);
    }
  }
  for (; at < positions; at++) {
    if (exact(from + at)) take(at);
  }
}

}  // namespace oximy::sites
