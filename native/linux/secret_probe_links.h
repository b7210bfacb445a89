#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "linux/bpf_syscall.h"
#include "secret_probes.h"
#include "unique_fd.h"

namespace oximy {

/** What keeps probes in a file: gone when the last of these is closed. Closing waits for the kernel, some ms. */
using ProbeLinks = std::vector<UniqueFd>;

/** The attach type that a program must be loaded with. */
bpf::AttachType AttachTypeOf(ProbeMethod method);

/**
 * Runs the program in every process that reaches one of the offsets of the open file. By the descriptor, not by a
 * path: right in any mount namespace, and after the file was deleted. Empty on failure, the reason is in errno.
 */
ProbeLinks PlaceProbes(ProbeMethod method, int program, int file, const std::vector<uint64_t>& offsets);

/**
 * Whether the kernel has this way of placing them. That it loads the program says nothing: before Linux 6.6 it takes the
 * attach type of the newer way and looks at it no further.
 */
bool ProbesCanBePlaced(ProbeMethod method, int program);

}  // namespace oximy
