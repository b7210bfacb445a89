#pragma once

#include <vector>

#include "linux/sites/bytes.h"
#include "linux/sites/candidate.h"
#include "linux/sites/elf_image.h"

namespace oximy::sites {

struct Found {
  std::vector<Candidate> sites;
  /** Why `sites` is empty. */
  const char* reason = "";
};

/** Every site of every TLS stack in a file. Bounded by the file's size, whatever its content. */
Found Search(const MemoryBytes& bytes, const Image& image);

}  // namespace oximy::sites
