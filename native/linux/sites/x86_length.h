#pragma once

#include <cstddef>
#include <cstdint>

namespace oximy::sites {

/**
 * Length of the x86-64 instruction at `code`, of which `available` bytes may be read; 0 when it is unknown or
 * incomplete. A probe in the middle of an instruction corrupts the program, so uncertain lengths are not returned.
 * Intel SDM volume 2, appendix A; boundaries are compared with those of objdump in test/secrets.
 */
size_t X86Length(const uint8_t* code, size_t available);

}  // namespace oximy::sites
