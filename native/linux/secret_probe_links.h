#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "linux/bpf_syscall.h"
#include "secret_probes.h"
#include "unique_fd.h"

namespace oximy {

/** Keeps probes in a file: they are removed when the last of these is closed. Closing blocks for some ms. */
using ProbeLinks = std::vector<UniqueFd>;

/** The attach type that a program must be loaded with. */
bpf::AttachType AttachTypeOf(ProbeMethod method);

/**
 * Runs the program in every process that reaches one of the offsets of the open file. By descriptor, not by path:
 * correct in any mount namespace, and after the file was deleted. Empty on failure; sets errno.
 */
ProbeLinks PlaceProbes(ProbeMethod method, int program, int file, const std::vector<uint64_t>& offsets);

/**
 * Whether the kernel supports this way of placing them. Loading the program proves nothing: before Linux 6.6 the kernel
 * accepts the attach type of the newer way and ignores it.
 */
bool ProbesCanBePlaced(ProbeMethod method, int program);

}  // namespace oximy
