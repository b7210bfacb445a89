#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oximy {

/** Fields of /proc/PID/stat (proc(5)). */
struct ProcStat {
  int pid = 0;
  /** Kernel's short name, 15 bytes at most; may contain spaces, parentheses and newlines. */
  std::string comm;
  char state = '?';
  int ppid = 0;
  /** Clock ticks since boot. */
  uint64_t start_time = 0;
};

std::optional<ProcStat> ParseProcStat(std::string_view text);

/** Fields of /proc/PID/status (proc(5)). */
struct ProcStatus {
  /** The process id, also when PID is a thread's id. */
  int tgid = 0;
  uint32_t effective_uid = 0;
};

std::optional<ProcStatus> ParseProcStatus(std::string_view text);

/** The groups of a process in /proc/PID/status. */
struct ProcGroups {
  uint32_t effective = 0;
  std::vector<uint32_t> others;
};

std::optional<ProcGroups> ParseProcGroups(std::string_view status);

/** /proc/PID/cmdline: arguments, each terminated by a zero byte. A process may have overwritten them with anything. */
std::vector<std::string> ParseCommandLine(std::string_view bytes);

/**
 * /proc/PID/environ: the variables of these names, as of the start of the process. Nothing when the process has
 * overwritten them, as setproctitle does.
 */
std::optional<std::vector<std::pair<std::string, std::string>>> ParseEnvironment(std::string_view bytes,
                                                                                 const std::vector<std::string>& names);

/** /proc/PID/maps: the files mapped executable, each once, without anonymous mappings. */
std::vector<std::string> ParseExecutableMappings(std::string_view text);

/** /proc/PID/cgroup: the path in the cgroup v2 hierarchy (the line `0::/path`), or empty. */
std::string ParseCgroupPath(std::string_view text);

/** /proc/PID/fdinfo/N: whether the descriptor is closed on exec (`flags:`, octal, O_CLOEXEC). */
std::optional<bool> ParseCloseOnExec(std::string_view text);

/** /proc/self/mountinfo: where the cgroup v2 hierarchy is mounted, escapes undone, or empty. */
std::string ParseCgroup2MountPoint(std::string_view text);

/** A directory entry of /proc that is a number: the id of a process, thread or descriptor. */
std::optional<int> ParseId(std::string_view name);

/** Ids separated by blanks or line breaks: /proc/PID/task/TID/children, and cgroup.procs of a cgroup. */
std::vector<int> ParseIds(std::string_view text);

/** The executable's path without the suffix that /proc/PID/exe has once the file was replaced or removed. */
std::string_view WithoutDeletedMark(std::string_view path);

}  // namespace oximy
