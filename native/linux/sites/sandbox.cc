#include "linux/sites/sandbox.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>

#include "linux/seccomp_filter.h"

namespace oximy::sites {
namespace {

constexpr uint64_t kMemoryBeside = uint64_t{512} << 20;
constexpr rlim_t kProcessorSeconds = 30;

bool DropCapabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2]{};
  return syscall(SYS_capset, &header, none) == 0;
}

// An enumeration in glibc, a number in musl.
bool Limit(decltype(RLIMIT_AS) resource, rlim_t value) {
  const rlimit limit{value, value};
  return setrlimit(resource, &limit) == 0;
}

/** The lower half, on little-endian machines. */
constexpr sock_filter LoadArgument(size_t index) { return SeccompLoad(offsetof(seccomp_data, args) + 8 * index); }
/** Skips that many instructions when the value differs. */
constexpr sock_filter Equal(uint32_t value, uint8_t otherwise) {
  return {BPF_JMP | BPF_JEQ | BPF_K, 0, otherwise, value};
}
/** Skips the next instruction when one of the bits is set. */
constexpr sock_filter None(uint32_t bits) { return {BPF_JMP | BPF_JSET | BPF_K, 1, 0, bits}; }
constexpr sock_filter kAllow{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
constexpr sock_filter kKill{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS};

}  // namespace

bool BecomeUser(uid_t uid, gid_t gid) {
  if (geteuid() == 0) {
    if (uid == 0 || setgroups(0, nullptr) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
      return false;
    if (setuid(0) == 0 || getuid() != uid || geteuid() != uid || getegid() != gid) return false;
  }
  return DropCapabilities() && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

bool LimitSelf(uint64_t file_size) {
  return Limit(RLIMIT_AS, file_size + kMemoryBeside) && Limit(RLIMIT_CPU, kProcessorSeconds) &&
         Limit(RLIMIT_FSIZE, 0) && Limit(RLIMIT_NOFILE, 0) && Limit(RLIMIT_CORE, 0);
}

bool AllowOnlySearch(int answer) {
  // One call per line, with its consequence.
  // clang-format off
  sock_filter filter[] = {
      SeccompLoad(offsetof(seccomp_data, arch)),
      Equal(kSeccompArchitecture, 16),
      SeccompLoad(offsetof(seccomp_data, nr)),
      Equal(SYS_munmap, 1), kAllow,
      Equal(SYS_brk, 1), kAllow,
      Equal(SYS_exit_group, 1), kAllow,
      Equal(SYS_write, 4), LoadArgument(0), Equal(static_cast<uint32_t>(answer), 1), kAllow, kKill,
      Equal(SYS_mmap, 3), LoadArgument(2), None(PROT_EXEC), kAllow,
      kKill,
  };
  // clang-format on
  const sock_fprog program{sizeof filter / sizeof filter[0], filter};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

}  // namespace oximy::sites
