#include "linux/connect_programs.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>

#include "linux/sock_addr_programs.h"

namespace oximy {
namespace {

using bpf::Assembler;
using bpf::Helper;
using bpf::Label;

// struct bpf_sock_ops of <linux/bpf.h>.
constexpr int16_t kSockOpsOp = 0;
constexpr int16_t kSockOpsFamily = 20;
constexpr int16_t kSockOpsRemoteIp4 = 24;
constexpr int16_t kSockOpsLocalIp4 = 28;
constexpr int16_t kSockOpsRemoteIp6 = 32;
constexpr int16_t kSockOpsLocalIp6 = 48;
constexpr int16_t kSockOpsRemotePort = 64;
constexpr int16_t kSockOpsLocalPort = 68;
static_assert(offsetof(bpf_sock_ops, family) == kSockOpsFamily);
static_assert(offsetof(bpf_sock_ops, remote_ip6) == kSockOpsRemoteIp6);
static_assert(offsetof(bpf_sock_ops, local_port) == kSockOpsLocalPort);

constexpr int32_t kTcpConnectCallback = 3;  // BPF_SOCK_OPS_TCP_CONNECT_CB

/** The offset of a value on the stack that ends at `end`. */
constexpr int16_t Below(int end, size_t size) { return static_cast<int16_t>(end - static_cast<int>(size)); }

/** Jumps to `skip` when the socket is in another network namespace: as far as addresses go, another machine. */
void SkipOtherNamespaces(Assembler& program, uint64_t netns_cookie, Label& skip) {
  program.Move(bpf::kR1, bpf::kR6);
  program.Call(Helper::kNetnsCookie);
  program.Move64(bpf::kR2, netns_cookie);
  program.JumpIfNotEqual(bpf::kR0, bpf::kR2, skip);
}

/** Jumps to `skip` when the connection goes to 127.0.0.0/8 or ::1. */
void SkipLoopback(Assembler& program, Endpoint::Family family, Label& skip) {
  Label elsewhere;
  if (family == Endpoint::Family::kIPv4) {
    program.Load32(bpf::kR2, bpf::kR6, bpf::kSockAddrIp4);
    program.And(bpf::kR2, static_cast<int32_t>(htonl(0xff000000)));
    program.JumpIfEqual(bpf::kR2, static_cast<int32_t>(htonl(0x7f000000)), skip);
    return;
  }
  for (int16_t i = 0; i < 12; i += 4) {
    program.Load32(bpf::kR2, bpf::kR6, static_cast<int16_t>(bpf::kSockAddrIp6 + i));
    program.JumpIfNotEqual(bpf::kR2, 0, elsewhere);
  }
  program.Load32(bpf::kR2, bpf::kR6, bpf::kSockAddrIp6 + 12);
  program.JumpIfEqual(bpf::kR2, static_cast<int32_t>(htonl(1)), skip);
  program.Bind(elsewhere);
}

}  // namespace

TupleKey TupleKeyOf(const SocketTuple& tuple) {
  TupleKey key{};
  const auto remote = AsIPv6(tuple.remote);
  const auto local = AsIPv6(tuple.local);
  std::copy(remote.begin(), remote.end(), key.remote);
  std::copy(local.begin(), local.end(), key.local);
  key.remote_port = static_cast<uint32_t>(htons(tuple.remote.port)) << 16;
  key.local_port = tuple.local.port;
  return key;
}

std::vector<bpf_insn> AssembleConnectProgram(const ConnectMaps& maps, uint64_t netns_cookie,
                                             const WantedConnections& connections, Endpoint::Family family) {
  constexpr int16_t kEvent = Below(0, sizeof(ConnectEvent));
  constexpr int16_t kRecord = bpf::Above(kEvent, offsetof(ConnectEvent, record));
  Assembler program;
  Label done;
  Label wanted;
  Label here;

  program.Move(bpf::kR6, bpf::kR1);
  program.Load32(bpf::kR2, bpf::kR6, bpf::kSockAddrType);
  program.JumpIfNotEqual(bpf::kR2, SOCK_STREAM, done);
  if (!connections.ports.empty()) {
    program.Load32(bpf::kR2, bpf::kR6, bpf::kSockAddrPort);
    for (const uint16_t port : connections.ports) program.JumpIfEqual(bpf::kR2, htons(port), wanted);
    program.Jump(done);
    program.Bind(wanted);
  }
  if (connections.all_networks) {
    program.Move(bpf::kR1, bpf::kR6);
    program.Call(Helper::kNetnsCookie);
    program.Store64(bpf::kStack, bpf::Above(kEvent, offsetof(ConnectEvent, network)), bpf::kR0);
    program.Move64(bpf::kR2, netns_cookie);
    program.JumpIfEqual(bpf::kR0, bpf::kR2, here);
    SkipLoopback(program, family, done);
    program.Bind(here);
  } else {
    SkipOtherNamespaces(program, netns_cookie, done);
    program.Move64(bpf::kR2, netns_cookie);
    program.Store64(bpf::kStack, bpf::Above(kEvent, offsetof(ConnectEvent, network)), bpf::kR2);
  }

  program.Call(Helper::kCurrentUidGid);
  program.Store64(bpf::kStack, bpf::Above(kRecord, offsetof(RawConnectRecord, uid_gid)), bpf::kR0);
  if (connections.unwanted_gid) {
    // The upper half: all supported machines are little-endian.
    program.Load32(bpf::kR2, bpf::kStack, bpf::Above(kRecord, offsetof(RawConnectRecord, uid_gid) + 4));
    program.JumpIfEqual(bpf::kR2, static_cast<int32_t>(*connections.unwanted_gid), done);
  }
  program.Move(bpf::kR1, bpf::kR6);
  program.Call(Helper::kSocketCookie);
  program.Store64(bpf::kStack, kEvent, bpf::kR0);
  program.Call(Helper::kCurrentPidTgid);
  program.Store64(bpf::kStack, bpf::Above(kRecord, offsetof(RawConnectRecord, pid_tgid)), bpf::kR0);
  program.Call(Helper::kBootTime);
  program.Store64(bpf::kStack, bpf::Above(kRecord, offsetof(RawConnectRecord, boot_time)), bpf::kR0);
  program.Address(bpf::kR1, bpf::kStack, bpf::Above(kRecord, offsetof(RawConnectRecord, name)));
  program.Move(bpf::kR2, sizeof(RawConnectRecord::name));
  program.Call(Helper::kCurrentName);

  bpf::UpdateMap(program, maps.by_cookie, kEvent, kRecord);
  bpf::OutputToRing(program, maps.ring, kEvent, sizeof(ConnectEvent));

  program.Bind(done);
  program.Return(bpf::kAllow);
  return program.Finish();
}

// The program never writes ctx->reply: it keeps its default, or what other programs have set.
std::vector<bpf_insn> AssembleTupleProgram(const ConnectMaps& maps, uint64_t netns_cookie) {
  constexpr int16_t kCookie = -8;
  constexpr int16_t kKey = Below(kCookie, sizeof(TupleKey));
  constexpr int16_t kRemote = bpf::Above(kKey, offsetof(TupleKey, remote));
  constexpr int16_t kLocal = bpf::Above(kKey, offsetof(TupleKey, local));
  Assembler program;
  Label done;
  Label ipv6;
  Label ports;

  program.Move(bpf::kR6, bpf::kR1);
  program.Load32(bpf::kR2, bpf::kR6, kSockOpsOp);
  program.JumpIfNotEqual(bpf::kR2, kTcpConnectCallback, done);
  SkipOtherNamespaces(program, netns_cookie, done);

  program.Load32(bpf::kR2, bpf::kR6, kSockOpsFamily);
  program.JumpIfNotEqual(bpf::kR2, AF_INET, ipv6);
  bpf::StoreMappedIp4(program, kSockOpsRemoteIp4, kRemote);
  bpf::StoreMappedIp4(program, kSockOpsLocalIp4, kLocal);
  program.Jump(ports);
  program.Bind(ipv6);
  bpf::StoreIp6(program, kSockOpsRemoteIp6, kRemote);
  bpf::StoreIp6(program, kSockOpsLocalIp6, kLocal);
  program.Bind(ports);
  program.Load32(bpf::kR2, bpf::kR6, kSockOpsRemotePort);
  program.Store32(bpf::kStack, bpf::Above(kKey, offsetof(TupleKey, remote_port)), bpf::kR2);
  program.Load32(bpf::kR2, bpf::kR6, kSockOpsLocalPort);
  program.Store32(bpf::kStack, bpf::Above(kKey, offsetof(TupleKey, local_port)), bpf::kR2);

  program.Move(bpf::kR1, bpf::kR6);
  program.Call(Helper::kSocketCookie);
  program.Store64(bpf::kStack, kCookie, bpf::kR0);
  bpf::UpdateMap(program, maps.by_tuple, kKey, kCookie);

  program.Bind(done);
  program.Return(bpf::kAllow);
  return program.Finish();
}

}  // namespace oximy
