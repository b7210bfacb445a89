#include "linux/connect_programs.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>

#include "linux/bpf_assembler.h"

namespace oximy {
namespace {

using bpf::Assembler;
using bpf::Helper;
using bpf::Label;

// struct bpf_sock_addr of <linux/bpf.h>.
constexpr int16_t kSockAddrIp4 = 4;
constexpr int16_t kSockAddrIp6 = 8;
constexpr int16_t kSockAddrPort = 24;
constexpr int16_t kSockAddrType = 32;
static_assert(offsetof(bpf_sock_addr, user_ip4) == kSockAddrIp4);
static_assert(offsetof(bpf_sock_addr, user_ip6) == kSockAddrIp6);
static_assert(offsetof(bpf_sock_addr, user_port) == kSockAddrPort);
static_assert(offsetof(bpf_sock_addr, type) == kSockAddrType);

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
constexpr int32_t kAllow = 1;

/** The place `offset` bytes above `base`; both count from the end of the stack, so they are negative. */
constexpr int16_t OnStack(int base, int offset) { return static_cast<int16_t>(base + offset); }

/** Jumps on when the socket is in another network namespace: another machine, as far as addresses go. */
void SkipOtherNamespaces(Assembler& program, uint64_t netns_cookie, Label& skip) {
  program.Move(bpf::kR1, bpf::kR6);
  program.Call(Helper::kNetnsCookie);
  program.Move64(bpf::kR2, netns_cookie);
  program.JumpIfNotEqual(bpf::kR0, bpf::kR2, skip);
}

/** Jumps on when the connection goes to 127.0.0.0/8, or to ::1. */
void SkipLoopback(Assembler& program, Endpoint::Family family, Label& skip) {
  Label elsewhere;
  if (family == Endpoint::Family::kIPv4) {
    program.Load32(bpf::kR2, bpf::kR6, kSockAddrIp4);
    program.And(bpf::kR2, static_cast<int32_t>(htonl(0xff000000)));
    program.JumpIfEqual(bpf::kR2, static_cast<int32_t>(htonl(0x7f000000)), skip);
    return;
  }
  for (int16_t i = 0; i < 12; i += 4) {
    program.Load32(bpf::kR2, bpf::kR6, static_cast<int16_t>(kSockAddrIp6 + i));
    program.JumpIfNotEqual(bpf::kR2, 0, elsewhere);
  }
  program.Load32(bpf::kR2, bpf::kR6, kSockAddrIp6 + 12);
  program.JumpIfEqual(bpf::kR2, static_cast<int32_t>(htonl(1)), skip);
  program.Bind(elsewhere);
}

void UpdateMap(Assembler& program, int map, int16_t key, int16_t value) {
  program.LoadMap(bpf::kR1, map);
  program.Address(bpf::kR2, bpf::kStack, key);
  program.Address(bpf::kR3, bpf::kStack, value);
  program.Move(bpf::kR4, 0);
  program.Call(Helper::kMapUpdate);
}

/** Stores an address as IPv6 at `to`: 16 bytes from the context, or 4 of them in the mapped form. */
void StoreIp6(Assembler& program, int16_t from, int16_t to) {
  for (int16_t i = 0; i < 16; i += 4) {
    program.Load32(bpf::kR2, bpf::kR6, static_cast<int16_t>(from + i));
    program.Store32(bpf::kStack, static_cast<int16_t>(to + i), bpf::kR2);
  }
}

void StoreMappedIp4(Assembler& program, int16_t from, int16_t to) {
  program.StoreValue64(bpf::kStack, to, 0);
  program.StoreValue32(bpf::kStack, static_cast<int16_t>(to + 8), static_cast<int32_t>(htonl(0xffff)));
  program.Load32(bpf::kR2, bpf::kR6, from);
  program.Store32(bpf::kStack, static_cast<int16_t>(to + 12), bpf::kR2);
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
  constexpr int16_t kEvent = OnStack(0, -static_cast<int>(sizeof(ConnectEvent)));
  constexpr int16_t kRecord = OnStack(kEvent, offsetof(ConnectEvent, record));
  Assembler program;
  Label done;
  Label wanted;
  Label here;

  program.Move(bpf::kR6, bpf::kR1);
  program.Load32(bpf::kR2, bpf::kR6, kSockAddrType);
  program.JumpIfNotEqual(bpf::kR2, SOCK_STREAM, done);
  if (!connections.ports.empty()) {
    program.Load32(bpf::kR2, bpf::kR6, kSockAddrPort);
    for (const uint16_t port : connections.ports) program.JumpIfEqual(bpf::kR2, htons(port), wanted);
    program.Jump(done);
    program.Bind(wanted);
  }
  if (connections.all_networks) {
    program.Move(bpf::kR1, bpf::kR6);
    program.Call(Helper::kNetnsCookie);
    program.Store64(bpf::kStack, OnStack(kEvent, offsetof(ConnectEvent, network)), bpf::kR0);
    program.Move64(bpf::kR2, netns_cookie);
    program.JumpIfEqual(bpf::kR0, bpf::kR2, here);
    SkipLoopback(program, family, done);
    program.Bind(here);
  } else {
    SkipOtherNamespaces(program, netns_cookie, done);
    program.Move64(bpf::kR2, netns_cookie);
    program.Store64(bpf::kStack, OnStack(kEvent, offsetof(ConnectEvent, network)), bpf::kR2);
  }

  program.Call(Helper::kCurrentUidGid);
  program.Store64(bpf::kStack, OnStack(kRecord, offsetof(RawConnectRecord, uid_gid)), bpf::kR0);
  if (connections.unwanted_gid) {
    // The upper half, on the little-endian machines that we run on.
    program.Load32(bpf::kR2, bpf::kStack, OnStack(kRecord, offsetof(RawConnectRecord, uid_gid) + 4));
    program.JumpIfEqual(bpf::kR2, static_cast<int32_t>(*connections.unwanted_gid), done);
  }
  program.Move(bpf::kR1, bpf::kR6);
  program.Call(Helper::kSocketCookie);
  program.Store64(bpf::kStack, kEvent, bpf::kR0);
  program.Call(Helper::kCurrentPidTgid);
  program.Store64(bpf::kStack, OnStack(kRecord, offsetof(RawConnectRecord, pid_tgid)), bpf::kR0);
  program.Call(Helper::kBootTime);
  program.Store64(bpf::kStack, OnStack(kRecord, offsetof(RawConnectRecord, boot_time)), bpf::kR0);
  program.Address(bpf::kR1, bpf::kStack, OnStack(kRecord, offsetof(RawConnectRecord, name)));
  program.Move(bpf::kR2, sizeof(RawConnectRecord::name));
  program.Call(Helper::kCurrentName);

  UpdateMap(program, maps.by_cookie, kEvent, kRecord);
  program.LoadMap(bpf::kR1, maps.ring);
  program.Address(bpf::kR2, bpf::kStack, kEvent);
  program.Move(bpf::kR3, sizeof(ConnectEvent));
  program.Move(bpf::kR4, 0);
  program.Call(Helper::kRingOutput);

  program.Bind(done);
  program.Return(kAllow);
  return program.Finish();
}

// The program never writes ctx->reply: it stays what it would be without us, or what others' programs answered.
std::vector<bpf_insn> AssembleTupleProgram(const ConnectMaps& maps, uint64_t netns_cookie) {
  constexpr int16_t kCookie = -8;
  constexpr int16_t kKey = OnStack(kCookie, -static_cast<int>(sizeof(TupleKey)));
  constexpr int16_t kRemote = OnStack(kKey, offsetof(TupleKey, remote));
  constexpr int16_t kLocal = OnStack(kKey, offsetof(TupleKey, local));
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
  StoreMappedIp4(program, kSockOpsRemoteIp4, kRemote);
  StoreMappedIp4(program, kSockOpsLocalIp4, kLocal);
  program.Jump(ports);
  program.Bind(ipv6);
  StoreIp6(program, kSockOpsRemoteIp6, kRemote);
  StoreIp6(program, kSockOpsLocalIp6, kLocal);
  program.Bind(ports);
  program.Load32(bpf::kR2, bpf::kR6, kSockOpsRemotePort);
  program.Store32(bpf::kStack, OnStack(kKey, offsetof(TupleKey, remote_port)), bpf::kR2);
  program.Load32(bpf::kR2, bpf::kR6, kSockOpsLocalPort);
  program.Store32(bpf::kStack, OnStack(kKey, offsetof(TupleKey, local_port)), bpf::kR2);

  program.Move(bpf::kR1, bpf::kR6);
  program.Call(Helper::kSocketCookie);
  program.Store64(bpf::kStack, kCookie, bpf::kR0);
  UpdateMap(program, maps.by_tuple, kKey, kCookie);

  program.Bind(done);
  program.Return(kAllow);
  return program.Finish();
}

}  // namespace oximy
