#include "linux/shared_socket.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

#include "linux/proc_parse.h"
#include "linux/proc_read.h"
#include "unique_fd.h"

namespace oximy {
namespace {

struct Holder {
  int pid;
  int descriptor;
};

/** How long a child stays between fork and exec, generously. */
constexpr double kSecondsToExec = 0.1;
/** Deeper than any real chain of forks; ends the climb when pids are reused during it. */
constexpr int kMaxDepth = 32;

std::optional<ProcStat> ReadStat(int pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  return ParseProcStat(ReadProcFile(AT_FDCWD, path.c_str()).value_or(""));
}

bool JustStarted(const ProcStat& stat) {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const double age = static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9 -
                     static_cast<double>(stat.start_time) / ticks;
  return age < kSecondsToExec;
}

bool ClosesOnExec(const Holder& holder) {
  const std::string path = "/proc/" + std::to_string(holder.pid) + "/fdinfo/" + std::to_string(holder.descriptor);
  return ParseCloseOnExec(ReadProcFile(AT_FDCWD, path.c_str()).value_or("")).value_or(false);
}

std::string ExecutableOf(int pid) {
  const UniqueFd process(OpenProcess(pid));
  return process ? ReadExecutable(process.get()) : std::string();
}

/** Just forked and most likely about to exec something unrelated to the socket. */
bool IsOnItsWayToExec(const Holder& child, int parent) {
  const auto stat = ReadStat(child.pid);
  return stat && JustStarted(*stat) && ClosesOnExec(child) && ExecutableOf(child.pid) == ExecutableOf(parent);
}

/** A child has the descriptor under the same number, or as its standard input or output. */
std::optional<Holder> AsHolder(const SocketInProc& socket, int pid, int inherited) {
  for (const int descriptor : {inherited, 0, 1, 2}) {
    if (socket.IsDescriptorOf(pid, descriptor)) return Holder{pid, descriptor};
  }
  return std::nullopt;
}

Holder TopmostHolder(const SocketInProc& socket, Holder holder) {
  for (int depth = 0; depth < kMaxDepth; depth++) {
    const auto stat = ReadStat(holder.pid);
    if (!stat || stat->ppid <= 0 || !socket.IsDescriptorOf(stat->ppid, holder.descriptor)) break;
    holder.pid = stat->ppid;
  }
  return holder;
}

}  // namespace

std::vector<int> ChildrenOf(int pid) {
  std::vector<int> children;
  const std::string path = "/proc/" + std::to_string(pid) + "/task";
  const UniqueFd tasks(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!tasks) return children;
  for (const int thread : ListIds(tasks.get())) {
    const std::string file = std::to_string(thread) + "/children";
    for (const int child : ParseIds(ReadProcFile(tasks.get(), file.c_str()).value_or(""))) children.push_back(child);
  }
  return children;
}

int UserOfSharedSocket(const SocketInProc& socket, int holder, int descriptor) {
  Holder user = TopmostHolder(socket, {holder, descriptor});
  for (int depth = 0; depth < kMaxDepth; depth++) {
    std::vector<Holder> users;
    for (const int pid : ChildrenOf(user.pid)) {
      const auto child = AsHolder(socket, pid, user.descriptor);
      if (child && !IsOnItsWayToExec(*child, user.pid)) users.push_back(*child);
    }
    if (users.size() != 1) break;
    user = users.front();
  }
  return user.pid;
}

}  // namespace oximy
