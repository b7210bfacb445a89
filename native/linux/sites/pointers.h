#pragma once

#include <functional>
#include <vector>

#include "linux/sites/budget.h"
#include "linux/sites/elf_image.h"

namespace oximy::sites {

struct PointerAt {
  /** Of the pointer itself. */
  uint64_t address;
  /** File offset of its Elf64_Rela; 0 when the pointer itself is in the file. */
  uint64_t relocation;
};

/**
 * Where data contains a pointer to one of `targets`: in the file itself (RELR, or a fixed program), or as the addend of
 * a relocation, in which case the pointer in the file is zero.
 */
std::vector<PointerAt> PointersTo(const MemoryBytes& bytes, const Image& image, std::vector<uint64_t> targets,
                                  Budget& budget);

/** The relocation of the pointer at `address`; 0 when it has none. */
uint64_t RelocationOf(const MemoryBytes& bytes, const Image& image, uint64_t address, Budget& budget);

}  // namespace oximy::sites
