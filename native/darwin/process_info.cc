#include "process_info.h"

#include <dlfcn.h>
#include <libproc.h>
#include <sys/proc_info.h>
#include <sys/sysctl.h>

#include <cstddef>
#include <cstring>

#include "darwin/process_arguments.h"

namespace oximy {
namespace {

static_assert(sizeof(proc_bsdinfo) == 136);
static_assert(offsetof(proc_bsdinfo, pbi_pid) == 12);
static_assert(offsetof(proc_bsdinfo, pbi_ppid) == 16);
static_assert(offsetof(proc_bsdinfo, pbi_uid) == 20);
static_assert(offsetof(proc_bsdinfo, pbi_comm) == 48);
static_assert(offsetof(proc_bsdinfo, pbi_name) == 64);
static_assert(offsetof(proc_bsdinfo, pbi_start_tvsec) == 120);
static_assert(offsetof(proc_bsdinfo, pbi_start_tvusec) == 128);

/** Not in the SDK's headers: looked up at run time, since it may disappear. */
using ResponsiblePid = int (*)(int);

std::optional<int> ReadResponsiblePid(int pid) {
  static const auto responsible_pid =
      reinterpret_cast<ResponsiblePid>(dlsym(RTLD_DEFAULT, "responsibility_get_pid_responsible_for_pid"));
  if (!responsible_pid) return std::nullopt;
  const int responsible = responsible_pid(pid);
  return responsible > 0 ? std::optional<int>(responsible) : std::nullopt;
}

std::string ReadPath(int pid) {
  char path[PROC_PIDPATHINFO_MAXSIZE];
  const int size = proc_pidpath(pid, path, sizeof path);
  return size > 0 ? std::string(path, static_cast<size_t>(size)) : std::string();
}

std::vector<std::string> ReadCommandLine(int pid) {
  int name[] = {CTL_KERN, KERN_PROCARGS2, pid};
  size_t size = 0;
  if (sysctl(name, 3, nullptr, &size, nullptr, 0) != 0) return {};
  std::string bytes(size, '\0');
  if (sysctl(name, 3, bytes.data(), &size, nullptr, 0) != 0) return {};
  return ParseProcessArguments(std::string_view(bytes).substr(0, size));
}

std::string ShortName(const proc_bsdinfo& info) {
  const std::string name(info.pbi_name, strnlen(info.pbi_name, sizeof info.pbi_name));
  return name.empty() ? std::string(info.pbi_comm, strnlen(info.pbi_comm, sizeof info.pbi_comm)) : name;
}

}  // namespace

std::optional<ProcessInfo> ReadProcessInfo(int pid) {
  proc_bsdinfo bsd{};
  if (pid <= 0 || proc_pidinfo(pid, PROC_PIDTBSDINFO, 0, &bsd, sizeof bsd) != sizeof bsd) return std::nullopt;
  ProcessInfo info;
  info.pid = pid;
  info.ppid = static_cast<int>(bsd.pbi_ppid);
  info.uid = bsd.pbi_uid;
  info.start_time = bsd.pbi_start_tvsec * 1'000'000 + bsd.pbi_start_tvusec;
  info.path = ReadPath(pid);
  info.name = info.path.empty() ? ShortName(bsd) : info.path.substr(info.path.rfind('/') + 1);
  info.command_line = ReadCommandLine(pid);
  info.responsible_pid = ReadResponsiblePid(pid);
  return info;
}

}  // namespace oximy
