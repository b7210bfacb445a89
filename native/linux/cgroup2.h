#pragma once

#include <cstdint>
#include <vector>

#include "unique_fd.h"

namespace oximy {

/** The root directory of the cgroup v2 hierarchy, read-only; empty when there is none. */
UniqueFd OpenCgroup2Root();

/** The processes in the cgroup whose directory has this inode. Empty when unknown (needs root). */
std::vector<int> ProcessesOfCgroup(uint64_t cgroup_id);

}  // namespace oximy
