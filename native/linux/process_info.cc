#include "process_info.h"

#include <unistd.h>

#include "linux/proc_parse.h"
#include "linux/proc_read.h"
#include "unique_fd.h"

namespace oximy {
namespace {

/** Arguments can be megabytes long; the distinguishing ones come first. */
constexpr size_t kCommandLineLimit = 32768;

}  // namespace

std::optional<ProcessInfo> ReadProcessInfo(int pid) {
  if (pid <= 0) return std::nullopt;
  UniqueFd process(OpenProcess(pid));
  if (!process) return std::nullopt;
  auto status = ParseProcStatus(ReadProcFile(process.get(), "status").value_or(""));
  if (!status) return std::nullopt;
  if (status->tgid != pid) {
    process = UniqueFd(OpenProcess(status->tgid));
    if (!process) return std::nullopt;
  }
  const auto stat = ParseProcStat(ReadProcFile(process.get(), "stat").value_or(""));
  if (!stat) return std::nullopt;

  ProcessInfo info;
  info.pid = stat->pid;
  info.ppid = stat->ppid;
  info.uid = status->effective_uid;
  info.start_time = stat->start_time;
  info.path = ReadExecutable(process.get());
  info.name = info.path.empty() ? stat->comm : info.path.substr(info.path.rfind('/') + 1);
  info.command_line = ParseCommandLine(ReadProcFile(process.get(), "cmdline", kCommandLineLimit).value_or(""));
  info.cgroup = ParseCgroupPath(ReadProcFile(process.get(), "cgroup").value_or(""));
  return info;
}

}  // namespace oximy
