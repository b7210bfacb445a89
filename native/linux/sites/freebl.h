#pragma once

#include <vector>

#include "linux/sites/budget.h"
#include "linux/sites/candidate.h"
#include "linux/sites/code.h"

namespace oximy::sites {

/**
 * NSS keeps its keys in a token and writes a key log only on request, so its secrets are captured where they are used:
 * each HKDF expansion has the traffic secret as HMAC key. freebl exports one function, FREEBL_GetVector, which returns
 * a table that is only ever appended to (lib/freebl/loader.h).
 */
std::vector<Candidate> FindFreebl(const MemoryBytes& bytes, const Image& image, Budget& budget);

bool CheckFreebl(const Program& program, const Candidate& candidate);

}  // namespace oximy::sites
