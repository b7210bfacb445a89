#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace oximy {

/** Hints for finding the holder of a socket without scanning every process. They affect order only. */
struct FinderHints {
  /** Processes that have opened connections before. */
  std::vector<int> candidates;
  std::optional<uint32_t> uid;
  std::optional<uint64_t> cgroup_id;
};

/**
 * The process that uses the socket with this inode, or nothing when none (that we may inspect) holds it or the
 * deadline passes. Scans the candidates, then the socket's cgroup, then the newest processes, then the uid's, then
 * the rest, newest first.
 *
 * A socket shared over fork belongs to the holder that is no other holder's descendant, with two exceptions:
 * - Several children hold it: it stays with their parent. Which of them uses it cannot be known.
 * - A child that has just forked, runs its parent's executable and would lose the descriptor on exec is most
 *   likely about to run something else: it stays with the parent.
 */
std::optional<int> FindProcess(uint64_t inode, const FinderHints& hints,
                               std::chrono::steady_clock::time_point deadline);

/**
 * The same for a socket that `pid` is known to have opened, when the user is that process itself or a child: no other
 * process is scanned, and none at all while it has no children.
 */
std::optional<int> FindUserBelow(int pid, uint64_t inode, std::chrono::steady_clock::time_point deadline);

}  // namespace oximy
