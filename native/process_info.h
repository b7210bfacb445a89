#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace oximy {

struct ProcessInfo {
  int pid = 0;
  int ppid = 0;
  /** Effective user. */
  uint32_t uid = 0;
  /** Clock ticks since boot on Linux, epoch microseconds on macOS. With the pid it names a process for good. */
  uint64_t start_time = 0;
  /** Executable; empty when the system does not tell (kernel threads, other users' processes). */
  std::string path;
  /** Basename of the executable, else the kernel's short name. */
  std::string name;
  std::vector<std::string> command_line;
  /** Linux: path of the process's cgroup v2; empty when there is none. */
  std::string cgroup;
  /** macOS: the app's process that answers for this one; the process itself when none does. */
  std::optional<int> responsible_pid;
};

/** A thread's id gives its process. Nothing when there is no such process. */
std::optional<ProcessInfo> ReadProcessInfo(int pid);

}  // namespace oximy
