#include "confinement.h"

#include <errno.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "linux/seccomp_filter.h"

namespace oximy {
namespace {

/** Set in the call numbers of the x32 ABI (seccomp(2)). */
constexpr uint32_t kX32 = 0x40000000;

// One group of related calls per line.
// clang-format off
constexpr uint32_t kRefused[] = {
    SYS_socket,        SYS_socketpair,       SYS_connect,           SYS_bind,        SYS_listen,   SYS_accept, SYS_accept4,
    SYS_execve,        SYS_execveat,         SYS_ptrace,            SYS_process_vm_readv,          SYS_process_vm_writev,
    SYS_unshare,       SYS_setns,            SYS_mount,             SYS_umount2,     SYS_chroot,   SYS_bpf,
    SYS_perf_event_open, SYS_keyctl,         SYS_add_key,           SYS_request_key, SYS_userfaultfd,
    SYS_kill,
#ifdef SYS_fork
    SYS_fork,          SYS_vfork,
#endif
    425 /* io_uring_setup, the same on all architectures: its rings make sockets too */,
    438 /* pidfd_getfd */,
};
// clang-format on

constexpr sock_filter Return(uint32_t value) { return {BPF_RET | BPF_K, 0, 0, value}; }
/** Skips the next instruction when the value differs. */
constexpr sock_filter Equal(uint32_t value) { return {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, value}; }

constexpr uint32_t Fails(int error) { return SECCOMP_RET_ERRNO | static_cast<uint32_t>(error); }

/** Threads, which share memory, may be created; processes may not. clone3 hides its flags: libc falls back to clone. */
std::vector<sock_filter> MakeFilter() {
  constexpr uint32_t kClone3 = 435;
  std::vector<sock_filter> filter = {
      SeccompLoad(offsetof(seccomp_data, arch)),
      {BPF_JMP | BPF_JEQ | BPF_K, 1, 0, kSeccompArchitecture},
      Return(SECCOMP_RET_KILL_PROCESS),
      SeccompLoad(offsetof(seccomp_data, nr)),
      {BPF_JMP | BPF_JGE | BPF_K, 0, 1, kX32},
      Return(Fails(EPERM)),
      Equal(kClone3),
      Return(Fails(ENOSYS)),
  };
  for (const uint32_t call : kRefused) {
    filter.push_back(Equal(call));
    filter.push_back(Return(Fails(EPERM)));
  }
  filter.insert(filter.end(),
                {
                    {BPF_JMP | BPF_JEQ | BPF_K, 1, 0, static_cast<uint32_t>(SYS_clone)},
                    Return(SECCOMP_RET_ALLOW),
                    SeccompLoad(offsetof(seccomp_data, args)),  // the lower half, on little-endian machines
                    {BPF_JMP | BPF_JSET | BPF_K, 1, 0, CLONE_THREAD},
                    Return(Fails(EPERM)),
                    Return(SECCOMP_RET_ALLOW),
                });
  return filter;
}

}  // namespace

bool Confine() {
  std::vector<sock_filter> filter = MakeFilter();
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  // TSYNC: also for the threads that Node has already created. It gives them PR_SET_NO_NEW_PRIVS, too.
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

}  // namespace oximy
