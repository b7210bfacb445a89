#pragma once

#include <cstddef>
#include <cstdint>

namespace oximy::sites {

/**
 * Length of the x86-64 instruction at `code`, of which `available` bytes may be read; 0 when it is not known, or not
 * all there. A probe in the middle of an instruction corrupts the program, so that what is not sure is not told.
 * Intel SDM volume 2, appendix A; boundaries are compared with those of objdump in test/secrets.
 */
size_t X86Length(const uint8_t* code, size_t available);

}  // namespace oximy::sites
