#pragma once

#include <arpa/inet.h>
#include <linux/bpf.h>

#include <cstddef>
#include <cstdint>

#include "linux/bpf_assembler.h"

/** Building blocks of BPF programs at the sock_addr hooks and of others that record addresses. The context is in R6. */
namespace oximy::bpf {

// struct bpf_sock_addr of <linux/bpf.h>; `sk` is there since Linux 5.3.
constexpr int16_t kSockAddrIp4 = 4;
constexpr int16_t kSockAddrIp6 = 8;
constexpr int16_t kSockAddrPort = 24;
constexpr int16_t kSockAddrType = 32;
constexpr int16_t kSockAddrProtocol = 36;
constexpr int16_t kSockAddrSocket = 64;
static_assert(offsetof(bpf_sock_addr, user_ip4) == kSockAddrIp4);
static_assert(offsetof(bpf_sock_addr, user_ip6) == kSockAddrIp6);
static_assert(offsetof(bpf_sock_addr, user_port) == kSockAddrPort);
static_assert(offsetof(bpf_sock_addr, type) == kSockAddrType);
static_assert(offsetof(bpf_sock_addr, protocol) == kSockAddrProtocol);
static_assert(offsetof(bpf_sock_addr, sk) == kSockAddrSocket);

/** The return value of such a program, unless it refuses. */
constexpr int32_t kAllow = 1;

/** The address `offset` bytes above `base`; on the stack both count from its end, so they are negative. */
constexpr int16_t Above(int base, size_t offset) { return static_cast<int16_t>(base + static_cast<int>(offset)); }

/** The key is on the stack. The value's address, or 0, is in R0. */
inline void LookUpInMap(Assembler& program, int map, int16_t key) {
  program.LoadMap(kR1, map);
  program.Address(kR2, kStack, key);
  program.Call(Helper::kMapLookUp);
}

/** The entry, of `size` bytes, is on the stack. */
inline void OutputToRing(Assembler& program, int ring, int16_t entry, int32_t size) {
  program.LoadMap(kR1, ring);
  program.Address(kR2, kStack, entry);
  program.Move(kR3, size);
  program.Move(kR4, 0);
  program.Call(Helper::kRingOutput);
}

/** Key and value are on the stack. The result is in R0. */
inline void UpdateMap(Assembler& program, int map, int16_t key, int16_t value) {
  program.LoadMap(kR1, map);
  program.Address(kR2, kStack, key);
  program.Address(kR3, kStack, value);
  program.Move(kR4, 0);
  program.Call(Helper::kMapUpdate);
}

/** Stores an address as IPv6 on the stack: 16 bytes of the context, or 4 of them in the mapped form. */
inline void StoreIp6(Assembler& program, int16_t from, int16_t to) {
  for (size_t i = 0; i < 16; i += 4) {
    program.Load32(kR2, kR6, Above(from, i));
    program.Store32(kStack, Above(to, i), kR2);
  }
}

inline void StoreMappedIp4(Assembler& program, int16_t from, int16_t to) {
  program.StoreValue64(kStack, to, 0);
  program.StoreValue32(kStack, Above(to, 8), static_cast<int32_t>(htonl(0xffff)));
  program.Load32(kR2, kR6, from);
  program.Store32(kStack, Above(to, 12), kR2);
}

}  // namespace oximy::bpf
