#include "linux/first_sockets.h"

#include <utility>
#include <vector>

#include "linux/bpf_assembler.h"
#include "linux/bpf_syscall.h"
#include "linux/cgroup2.h"
#include "linux/errno_text.h"
#include "linux/sock_addr_programs.h"

namespace oximy {
namespace {

/** Networks that are remembered: one that was evicted is reported again. */
constexpr uint32_t kMaxNetworks = 4096;
/** The largest page size. A full ring loses nothing: one pending entry is enough to wake the reader. */
constexpr uint32_t kRingBytes = 64 * 1024;

// On the stack.
constexpr int16_t kCookie = -8;

std::vector<bpf_insn> AssembleProgram(int seen, int ring, uint64_t own_network) {
  bpf::Assembler program;
  bpf::Label done;
  program.Call(bpf::Helper::kNetnsCookie);  // the context is in R1
  program.Move64(bpf::kR2, own_network);
  program.JumpIfEqual(bpf::kR0, bpf::kR2, done);
  program.Store64(bpf::kStack, kCookie, bpf::kR0);

  bpf::LookUpInMap(program, seen, kCookie);
  program.JumpIfNotEqual(bpf::kR0, 0, done);
  bpf::UpdateMap(program, seen, kCookie, kCookie);

  bpf::OutputToRing(program, ring, kCookie, sizeof(uint64_t));

  program.Bind(done);
  program.Return(bpf::kAllow);
  return program.Finish();
}

}  // namespace

std::unique_ptr<FirstSockets> FirstSockets::Attach(uint64_t own_network, std::string& failure) {
  using bpf::AttachType;
  const auto fail = [&](const char* what) {
    failure = ErrnoText(what);
    return nullptr;
  };
  const UniqueFd cgroup = OpenCgroup2Root();
  if (!cgroup) return fail("the root of cgroup v2");
  std::unique_ptr<FirstSockets> sockets(new FirstSockets());
  sockets->seen_ = bpf::CreateMap(bpf::MapType::kLruHash, sizeof(uint64_t), sizeof(uint64_t), kMaxNetworks);
  UniqueFd ring = bpf::CreateMap(bpf::MapType::kRingBuffer, 0, 0, kRingBytes);
  if (!sockets->seen_ || !ring) return fail("bpf(MAP_CREATE)");
  sockets->ring_ = std::make_unique<RingReader>(std::move(ring), kRingBytes);
  if (!sockets->ring_->ok()) return fail("mmap of the ring");
  const auto code = AssembleProgram(sockets->seen_.get(), sockets->ring_->fd(), own_network);
  const UniqueFd program = bpf::LoadProgram(bpf::ProgramType::kCgroupSock, AttachType::kInetSockCreate, code);
  if (!program) return fail("bpf(PROG_LOAD)");
  sockets->link_ = bpf::AttachToCgroup(program.get(), cgroup.get(), AttachType::kInetSockCreate);
  if (!sockets->link_) return fail("bpf(LINK_CREATE)");
  return sockets;
}

bool FirstSockets::Take() {
  bool has_entry = false;
  ring_->Drain([&](const uint8_t*, size_t) { has_entry = true; });
  return has_entry;
}

}  // namespace oximy
