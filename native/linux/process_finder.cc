#include "process_finder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "linux/cgroup2.h"
#include "linux/descriptors.h"
#include "linux/proc_read.h"
#include "linux/shared_socket.h"
#include "unique_fd.h"

namespace oximy {
namespace {

bool BelongsTo(int pid, uint32_t uid) {
  struct stat info {};
  const std::string path = "/proc/" + std::to_string(pid);
  return stat(path.c_str(), &info) == 0 && info.st_uid == uid;
}

/** A client has often just started, and inspecting a few costs less than looking up the user of thousands. */
constexpr size_t kNewestFirst = 32;

/** Newest first. Ids grow until they wrap, so their order is nearly the order of age. */
void SortNewestFirst(std::vector<int>& pids) { std::sort(pids.begin(), pids.end(), std::greater<int>()); }

class Walk {
 public:
  Walk(uint64_t inode, std::chrono::steady_clock::time_point deadline) : socket_(inode), deadline_(deadline) {}

  bool TimeIsUp() const { return std::chrono::steady_clock::now() >= deadline_; }

  std::optional<int> Among(const std::vector<int>& pids) {
    for (const int pid : pids) {
      if (!seen_.insert(pid).second) continue;
      if (TimeIsUp()) return std::nullopt;
      if (const auto descriptor = socket_.DescriptorIn(pid, deadline_)) {
        return UserOfSharedSocket(socket_, pid, *descriptor);
      }
    }
    return std::nullopt;
  }

 private:
  SocketInProc socket_;
  std::chrono::steady_clock::time_point deadline_;
  std::unordered_set<int> seen_;
};

/**
 * Processes known to have no child. Until the machine assigns another pid (proc_pid_loadavg: the last field of
 * /proc/loadavg), they still have none, and their threads' lists of children need not be read again. That also covers
 * reuse of a pid, since it must have been assigned anew.
 */
class Childless {
 public:
  /** One per thread: connections are attributed on one. */
  static Childless& Known() {
    thread_local Childless known;
    return known;
  }

  bool Has(int pid, const std::string& last_pid) const {
    const auto found = seen_.find(pid);
    return !last_pid.empty() && found != seen_.end() && found->second == last_pid;
  }

  void Add(int pid, std::string last_pid) {
    if (last_pid.empty()) return;
    if (seen_.size() >= kMostRemembered) seen_.clear();
    seen_[pid] = std::move(last_pid);
  }

 private:
  static constexpr size_t kMostRemembered = 512;
  std::unordered_map<int, std::string> seen_;
};

/** The last assigned pid, as text; empty where it cannot be read. */
std::string LastPid() {
  const auto load = ReadProcFile(AT_FDCWD, "/proc/loadavg");
  return load ? load->substr(load->rfind(' ') + 1) : "";
}

}  // namespace

std::optional<int> FindProcess(uint64_t inode, const FinderHints& hints,
                               std::chrono::steady_clock::time_point deadline) {
  if (inode == 0) return std::nullopt;
  Walk walk(inode, deadline);
  if (const auto pid = walk.Among(hints.candidates)) return pid;

  if (hints.cgroup_id) {
    auto pids = ProcessesOfCgroup(*hints.cgroup_id);
    SortNewestFirst(pids);
    if (const auto pid = walk.Among(pids)) return pid;
  }

  auto pids = ListIds("/proc");
  SortNewestFirst(pids);
  const auto newest = pids.begin() + static_cast<ptrdiff_t>(std::min(kNewestFirst, pids.size()));
  if (const auto pid = walk.Among({pids.begin(), newest})) return pid;
  if (hints.uid) {
    // /proc/PID belongs to root for processes that are not dumpable, so the uid only orders, never excludes.
    std::stable_partition(pids.begin(), pids.end(), [&](int pid) { return BelongsTo(pid, *hints.uid); });
  }
  return walk.Among(pids);
}

std::optional<int> FindUserBelow(int pid, uint64_t inode, std::chrono::steady_clock::time_point deadline) {
  // Read before the children: one that is born in between changes it.
  std::string last_pid = LastPid();
  auto& childless = Childless::Known();
  auto family = childless.Has(pid, last_pid) ? std::vector<int>() : ChildrenOf(pid);
  if (family.empty()) {
    if (!UniqueFd(OpenProcess(pid))) return std::nullopt;
    childless.Add(pid, std::move(last_pid));
    return pid;
  }
  SortNewestFirst(family);
  family.insert(family.begin(), pid);
  return Walk(inode, deadline).Among(family);
}

}  // namespace oximy
