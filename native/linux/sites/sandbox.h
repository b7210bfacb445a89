#pragma once

#include <sys/types.h>

#include <cstdint>

namespace oximy::sites {

/**
 * Permanently becomes this user: no other groups, no capabilities, nothing that a later exec could regain, and out of
 * reach of the user's debuggers. Drops root's identity; a user other than root stays the same. False on failure.
 */
bool BecomeUser(uid_t uid, gid_t gid);

/** Limits memory (a mapping of `file_size` included), processor time, and file writes. */
bool LimitSelf(uint64_t file_size);

/** From here on: memory, one pipe for the answer, and exit. Any other system call kills. */
bool AllowOnlySearch(int answer);

}  // namespace oximy::sites
