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
  /** Clock ticks since boot on Linux, epoch microseconds on macOS. Unique together with the pid. */
  uint64_t start_time = 0;
  /** Executable; empty when the system does not report it (kernel threads, other users' processes). */
  std::string path;
  /** Basename of the executable, else the kernel's short name. */
  std::string name;
  std::vector<std::string> command_line;
  /** Linux: path of the process's cgroup v2; empty when there is none. */
  std::string cgroup;
  /** macOS: the app process responsible for this one; the process itself when there is none. */
  std::optional<int> responsible_pid;
};

/** A thread id returns its process. Nothing when there is no such process. */
std::optional<ProcessInfo> ReadProcessInfo(int pid);

}  // namespace oximy
