#pragma once

#include <cstdint>
#include <vector>

#include "linux/sites/budget.h"
#include "linux/sites/elf_image.h"

namespace oximy::sites {

/** A label of the key log in memory that is not writable. */
struct LabelText {
  size_t label;
  uint64_t address;
  /** With a NUL behind it, as C has its strings; Rust's lie end to end. */
  bool ended;
};

/** What tells that a file may hold a TLS stack, found in one pass over what is no code. */
struct Landmarks {
  std::vector<LabelText> labels;
  /** File offsets of what begins like Go's function table. */
  std::vector<uint64_t> go_tables;
};

Landmarks FindLandmarks(const MemoryBytes& bytes, const Image& image, Budget& budget);

}  // namespace oximy::sites
