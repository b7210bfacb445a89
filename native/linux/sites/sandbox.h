#pragma once

#include <sys/types.h>

#include <cstdint>

namespace oximy::sites {

/**
 * Becomes this user for good: no other groups, no capabilities, nothing that a later exec could win back, and out of reach
 * of the user's debuggers. Root's own identity is left; who is not root stays who they are. False when it cannot.
 */
bool BecomeUser(uid_t uid, gid_t gid);

/** Bounds memory (a mapping of `file_size` included), processor time, and what could be written. */
bool LimitSelf(uint64_t file_size);

/** From here on: memory, one pipe to answer on, and the end. Any other system call kills. */
bool AllowOnlySearch(int answer);

}  // namespace oximy::sites
