#include "linux/connect_rewrite.h"

#include <arpa/inet.h>

#include "linux/bpf_syscall.h"
#include "linux/cgroup2.h"
#include "linux/connect_rewrite_programs.h"
#include "linux/errno_text.h"

namespace oximy {
namespace {

constexpr uint32_t kMaxNetworks = 4096;
/** The least recently used one is evicted. It is looked up once, on accept, and by getpeername(2). */
constexpr uint32_t kMaxSockets = 16384;

}  // namespace

std::unique_ptr<ConnectRewrite> ConnectRewrite::Attach(const std::vector<uint16_t>& ports, std::string& failure) {
  using bpf::AttachType;
  std::unique_ptr<ConnectRewrite> rewrite(new ConnectRewrite());
  const auto fail = [&](const char* what) {
    failure = ErrnoText(what);
    return nullptr;
  };
  const UniqueFd cgroup = OpenCgroup2Root();
  if (!cgroup) return fail("the root of cgroup v2");
  rewrite->targets_ = bpf::CreateMap(bpf::MapType::kHash, sizeof(uint64_t), sizeof(RawRewriteTarget), kMaxNetworks);
  rewrite->rewritten_ = bpf::CreateMap(bpf::MapType::kLruHash, sizeof(uint64_t), sizeof(RawRewritten), kMaxSockets);
  if (!rewrite->targets_ || !rewrite->rewritten_) return fail("bpf(MAP_CREATE)");

  const RewriteMaps maps{rewrite->targets_.get(), rewrite->rewritten_.get()};
  const auto attach = [&](AttachType hook, const std::vector<bpf_insn>& code) {
    const UniqueFd program = bpf::LoadProgram(bpf::ProgramType::kCgroupSockAddr, hook, code);
    if (!program) return false;
    rewrite->links_.push_back(bpf::AttachToCgroup(program.get(), cgroup.get(), hook));
    return static_cast<bool>(rewrite->links_.back());
  };
  constexpr auto kIPv4 = Endpoint::Family::kIPv4;
  constexpr auto kIPv6 = Endpoint::Family::kIPv6;
  // No connection is rewritten if getpeername(2) would then return the wrong peer.
  if (!attach(AttachType::kInet4PeerName, AssemblePeerNameProgram(maps, kIPv4)) ||
      !attach(AttachType::kInet6PeerName, AssemblePeerNameProgram(maps, kIPv6))) {
    return fail("bpf(getpeername hook)");
  }
  if (!attach(AttachType::kInet4Connect, AssembleRewriteProgram(maps, ports, kIPv4)) ||
      !attach(AttachType::kInet6Connect, AssembleRewriteProgram(maps, ports, kIPv6))) {
    return fail("bpf(connect hook)");
  }
  return rewrite;
}

bool ConnectRewrite::Send(uint64_t network, const RewriteTarget& target) {
  const RawRewriteTarget raw{target.mark, htons(target.port4), htons(target.port6)};
  return bpf::Update(targets_.get(), &network, &raw);
}

void ConnectRewrite::Leave(uint64_t network) { bpf::Delete(targets_.get(), &network); }

std::optional<Endpoint> ConnectRewrite::DestinationOf(uint64_t socket) const {
  RawRewritten raw;
  if (!bpf::LookUp(rewritten_.get(), &socket, &raw)) return std::nullopt;
  return FromIPv6(raw.address, ntohs(static_cast<uint16_t>(raw.port)));
}

}  // namespace oximy
