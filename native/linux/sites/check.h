#pragma once

#include "linux/sites/bytes.h"
#include "linux/sites/candidate.h"
#include "linux/sites/elf_image.h"

namespace oximy::sites {

/**
 * Whether a site is what it claims to be. The search runs unprivileged over untrusted bytes, and may have been
 * compromised by them: its answer is verified here from its proof, by a few small reads, so that no answer places a
 * probe anywhere but at the start of an instruction of code that a TLS stack's own tables, symbols or calls name.
 */
bool IsSite(const Bytes& bytes, const Image& image, const Candidate& candidate);

}  // namespace oximy::sites
