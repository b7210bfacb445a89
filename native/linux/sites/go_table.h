#pragma once

#include <vector>

#include "linux/sites/budget.h"
#include "linux/sites/candidate.h"
#include "linux/sites/code.h"

namespace oximy::sites {

/**
 * The first 8 bytes of the function table of Go 1.18 and newer (runtime/symtab.go, pcHeader), which stripping leaves in
 * place: magic, two zeros, quantum of instructions, size of a pointer. Go 1.17 and older pass arguments differently, or
 * cannot be distinguished from versions that do.
 */
constexpr bool IsGoTableHead(uint64_t word, Machine machine) {
  const uint64_t rest = machine == Machine::kArm64 ? 0x0804'0000'ffff'fff0 : 0x0801'0000'ffff'fff0;
  return (word & ~uint64_t{1}) == rest;
}

/** crypto/tls.(*Config).writeKeyLog, and that of copies of the package (utls). `tables`: file offsets. */
std::vector<Candidate> FindGo(const MemoryBytes& bytes, const Image& image, const std::vector<uint64_t>& tables,
                              Budget& budget);

bool CheckGo(const Program& program, const Candidate& candidate);

}  // namespace oximy::sites
