#include "linux/sites/pointers.h"

#include <elf.h>

#include <algorithm>

namespace oximy::sites {
namespace {

constexpr size_t kMostPointers = 64;

/** Calls `take(entry, its file offset)` until it returns false. */
template <typename Take>
void EachAddend(const MemoryBytes& bytes, const Image& image, Budget& budget, Take take) {
  for (const auto& range : image.addends) {
    if (!budget.Take(range.size)) return;
    for (uint64_t at = 0; at + sizeof(Elf64_Rela) <= range.size; at += sizeof(Elf64_Rela)) {
      if (!take(ValueAt<Elf64_Rela>(bytes.data() + range.offset + at), range.offset + at)) return;
    }
  }
}

}  // namespace

std::vector<PointerAt> PointersTo(const MemoryBytes& bytes, const Image& image, std::vector<uint64_t> targets,
                                  Budget& budget) {
  std::vector<PointerAt> found;
  if (targets.empty()) return found;
  std::sort(targets.begin(), targets.end());
  const auto wants = [&](uint64_t target) {
    return target >= targets.front() && target <= targets.back() &&
           std::binary_search(targets.begin(), targets.end(), target);
  };
  EachAddend(bytes, image, budget, [&](const Elf64_Rela& entry, uint64_t offset) {
    if (wants(static_cast<uint64_t>(entry.r_addend))) found.push_back({entry.r_offset, offset});
    return found.size() < kMostPointers;
  });
  for (const auto& segment : image.segments) {
    if (segment.executable || !budget.Take(segment.size)) continue;
    for (uint64_t at = (8 - segment.address % 8) % 8; at + 8 <= segment.size && found.size() < kMostPointers; at += 8) {
      if (wants(ValueAt<uint64_t>(bytes.data() + segment.offset + at))) found.push_back({segment.address + at, 0});
    }
  }
  return found;
}

uint64_t RelocationOf(const MemoryBytes& bytes, const Image& image, uint64_t address, Budget& budget) {
  uint64_t found = 0;
  EachAddend(bytes, image, budget, [&](const Elf64_Rela& entry, uint64_t offset) {
    if (entry.r_offset == address) found = offset;
    return found == 0;
  });
  return found;
}

}  // namespace oximy::sites
