#pragma once

#include <cstdint>
#include <vector>

#include "linux/sites/budget.h"
#include "linux/sites/elf_image.h"

namespace oximy::sites {

/** A key log label in read-only memory. */
struct LabelText {
  size_t label;
  uint64_t address;
  /** NUL-terminated, as C strings are; Rust's are stored end to end. */
  bool ended;
};

/** Evidence that a file may contain a TLS stack, found in one pass over its non-code parts. */
struct Landmarks {
  std::vector<LabelText> labels;
  /** File offsets that look like Go's function table. */
  std::vector<uint64_t> go_tables;
};

Landmarks FindLandmarks(const MemoryBytes& bytes, const Image& image, Budget& budget);

}  // namespace oximy::sites
