#include "linux/cgroup2.h"

#include <fcntl.h>

#include <cstring>
#include <string_view>

#include "linux/proc_parse.h"
#include "linux/proc_read.h"

namespace oximy {
namespace {

// FILEID_KERNFS of <linux/exportfs.h>: the handle of a cgroup directory is its 64-bit id (Linux 5.5).
constexpr int kFileIdKernfs = 0xfe;
/** The root cgroup: holds what nobody sorted, so it narrows nothing down. */
constexpr uint64_t kRootCgroupId = 1;

UniqueFd OpenCgroup(uint64_t cgroup_id) {
  const UniqueFd root = OpenCgroup2Root();
  if (!root) return {};
  alignas(file_handle) unsigned char bytes[sizeof(file_handle) + sizeof cgroup_id] = {};
  auto* handle = reinterpret_cast<file_handle*>(bytes);
  handle->handle_bytes = sizeof cgroup_id;
  handle->handle_type = kFileIdKernfs;
  std::memcpy(handle->f_handle, &cgroup_id, sizeof cgroup_id);
  return UniqueFd(open_by_handle_at(root.get(), handle, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

}  // namespace

UniqueFd OpenCgroup2Root() {
  // In a hybrid hierarchy it is mounted elsewhere than at /sys/fs/cgroup.
  const auto mounts = ReadProcFile(AT_FDCWD, "/proc/self/mountinfo", 1 << 20);
  const std::string path = ParseCgroup2MountPoint(mounts.value_or(""));
  if (path.empty()) return {};
  return UniqueFd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

std::vector<int> ProcessesOfCgroup(uint64_t cgroup_id) {
  std::vector<int> pids;
  if (cgroup_id == kRootCgroupId) return pids;
  const UniqueFd cgroup = OpenCgroup(cgroup_id);
  if (!cgroup) return pids;
  const auto list = ReadProcFile(cgroup.get(), "cgroup.procs", 1 << 20).value_or("");
  std::string_view rest = list;
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    if (const auto pid = ParseId(rest.substr(0, end))) pids.push_back(*pid);
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  return pids;
}

}  // namespace oximy
