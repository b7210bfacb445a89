#include "linux/cgroup2.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include <cstring>
#include <string>

#include "linux/proc_parse.h"
#include "linux/proc_read.h"

namespace oximy {
namespace {

// FILEID_KERNFS of <linux/exportfs.h>: the handle of a cgroup directory is its 64-bit id (Linux 5.5).
constexpr int kFileIdKernfs = 0xfe;
/** The root cgroup: holds all unassigned processes, so it narrows nothing down. */
constexpr uint64_t kRootCgroupId = 1;

// <linux/mount.h> and the system call table, the same on every architecture; older headers lack them.
constexpr long kFsOpen = 430;
constexpr long kFsConfig = 431;
constexpr long kFsMount = 432;
constexpr unsigned kCloseOnExec = 1;
constexpr unsigned kFsConfigCreate = 6;

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

/** Another file system may be mounted over it. */
bool IsCgroup2(const UniqueFd& directory) {
  struct statfs info {};
  return directory && fstatfs(directory.get(), &info) == 0 && info.f_type == CGROUP2_SUPER_MAGIC;
}

/**
 * The hierarchy without a mount point (Linux 5.2, root only): for when nothing mounts it, or when
 * `ip netns exec` has mounted a fresh /sys over it.
 */
UniqueFd MountDetached() {
  const UniqueFd context(static_cast<int>(syscall(kFsOpen, "cgroup2", kCloseOnExec)));
  if (!context || syscall(kFsConfig, context.get(), kFsConfigCreate, nullptr, nullptr, 0) != 0) return {};
  const UniqueFd mount(static_cast<int>(syscall(kFsMount, context.get(), kCloseOnExec, 0)));
  if (!mount) return {};
  return UniqueFd(openat(mount.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

}  // namespace

UniqueFd OpenCgroup2Root() {
  // In a hybrid hierarchy the mount point is not /sys/fs/cgroup.
  const auto mounts = ReadProcFile(AT_FDCWD, "/proc/self/mountinfo", 1 << 20);
  const std::string path = ParseCgroup2MountPoint(mounts.value_or(""));
  UniqueFd root(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return IsCgroup2(root) ? std::move(root) : MountDetached();
}

std::vector<int> ProcessesOfCgroup(uint64_t cgroup_id) {
  if (cgroup_id == kRootCgroupId) return {};
  const UniqueFd cgroup = OpenCgroup(cgroup_id);
  if (!cgroup) return {};
  return ParseIds(ReadProcFile(cgroup.get(), "cgroup.procs", 1 << 20).value_or(""));
}

}  // namespace oximy
