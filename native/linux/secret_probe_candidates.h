#pragma once

#include <cstddef>
#include <functional>

#include "linux/secret_probe_programs.h"

namespace oximy {

/**
 * Calls `take` for everything in the frame that looks like rustls' `OkmBlock` (src/crypto/tls13.rs): 64 bytes, of which
 * 32 or 48 are used and the rest is zero, followed by that number. Where the compiler keeps it differs by build.
 */
void EachCandidate(const ProbedFrame& frame, size_t preserved_count,
                   const std::function<void(const uint8_t* secret, size_t length)>& take);

/** Where the random lies in the memory; nothing when it is not there. */
std::optional<RandomPlace> FindRandom(const ProbedMemory& memory, const uint8_t (&random)[32]);

}  // namespace oximy
