#pragma once

#include <functional>
#include <vector>

#include "linux/sites/budget.h"
#include "linux/sites/code.h"

namespace oximy::sites {

/**
 * Calls `take` for everything that looks like a load of one of the addresses, in all code, in one pass. It matches
 * bytes: a match may lie inside another instruction. Stops after some thousand.
 */
void FindLoads(const MemoryBytes& bytes, const Image& image, std::vector<uint64_t> wanted, Budget& budget,
               const std::function<void(const Load&)>& take);

}  // namespace oximy::sites
