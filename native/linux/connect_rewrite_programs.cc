#include "linux/connect_rewrite_programs.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>

#include "linux/sock_addr_programs.h"

namespace oximy {
namespace {

using bpf::Assembler;
using bpf::Helper;
using bpf::Label;

using bpf::kSockAddrIp4;
using bpf::kSockAddrIp6;

// struct bpf_sock.
constexpr int16_t kBoundDevice = 0;
constexpr int16_t kMark = 16;
static_assert(offsetof(bpf_sock, bound_dev_if) == kBoundDevice);
static_assert(offsetof(bpf_sock, mark) == kMark);

constexpr uint32_t kLoopback4 = 0x7f000001;
constexpr uint32_t kMappedPrefix = 0xffff;

// On the stack.
constexpr int16_t kCookie = -8;
constexpr int16_t kValue = kCookie - static_cast<int>(sizeof(RawRewritten));
constexpr int16_t kAddress = bpf::Above(kValue, offsetof(RawRewritten, address));
constexpr int16_t kOriginalPort = bpf::Above(kValue, offsetof(RawRewritten, port));
constexpr int16_t kListenerPort = bpf::Above(kValue, offsetof(RawRewritten, listener_port));

constexpr int16_t Word(int16_t base, size_t index) { return bpf::Above(base, 4 * index); }

/** For values that would be sign-extended: comparisons are 64-bit, and loaded values have 32 bits. */
void JumpIfEqualWord(Assembler& program, bpf::Register left, uint32_t right, Label& label) {
  program.Move64(bpf::kR3, right);
  program.JumpIfEqual(left, bpf::kR3, label);
}

void JumpIfNotEqualWord(Assembler& program, bpf::Register left, uint32_t right, Label& label) {
  program.Move64(bpf::kR3, right);
  program.JumpIfNotEqual(left, bpf::kR3, label);
}

/** Jumps when the address, in R2, lies in this network. */
void JumpIfWithin(Assembler& program, uint32_t network, uint32_t mask, Label& label) {
  program.Move(bpf::kR4, bpf::kR2);
  program.Move64(bpf::kR3, htonl(mask));
  program.And(bpf::kR4, bpf::kR3);
  JumpIfEqualWord(program, bpf::kR4, htonl(network), label);
}

/** Skips unless the context's IPv4 address at `word` is that of a single machine and not loopback. */
void LeaveAlone4(Assembler& program, int16_t word, Label& done) {
  program.Load32(bpf::kR2, bpf::kR6, word);
  JumpIfWithin(program, 0, 0xff000000, done);
  JumpIfWithin(program, 0x7f000000, 0xff000000, done);
  JumpIfWithin(program, 0xe0000000, 0xf0000000, done);
  JumpIfWithin(program, 0xffffffff, 0xffffffff, done);
}

/** Likewise; link-local addresses also need the link's number, which the rules do not keep either. */
void LeaveAlone6(Assembler& program, Label& done) {
  Label further;
  program.Load32(bpf::kR2, bpf::kR6, kSockAddrIp6);
  JumpIfWithin(program, 0xff000000, 0xff000000, done);
  JumpIfWithin(program, 0xfe800000, 0xffc00000, done);
  // ::/96 contains the unspecified address, loopback, and nothing else in use.
  for (size_t i = 0; i < 3; i++) {
    program.Load32(bpf::kR2, bpf::kR6, Word(kSockAddrIp6, i));
    program.JumpIfNotEqual(bpf::kR2, 0, further);
  }
  program.Jump(done);
  program.Bind(further);
}

/** Jumps unless R6 is the context of a mapped address. */
void UnlessMapped(Assembler& program, Label& otherwise) {
  for (size_t i = 0; i < 2; i++) {
    program.Load32(bpf::kR2, bpf::kR6, Word(kSockAddrIp6, i));
    program.JumpIfNotEqual(bpf::kR2, 0, otherwise);
  }
  program.Load32(bpf::kR2, bpf::kR6, Word(kSockAddrIp6, 2));
  JumpIfNotEqualWord(program, bpf::kR2, htonl(kMappedPrefix), otherwise);
}

/** Writes the word of the context at `to`. */
void SetWord(Assembler& program, int16_t to, uint32_t value) {
  program.Move64(bpf::kR2, value);
  program.Store32(bpf::kR6, to, bpf::kR2);
}

/** Stores the port of the target, in R7, in the value on the stack; without one the connection is left alone. */
void TakePort(Assembler& program, size_t port, Label& done) {
  program.Load32(bpf::kR2, bpf::kR7, static_cast<int16_t>(port));
  program.JumpIfEqual(bpf::kR2, 0, done);
  program.Store32(bpf::kStack, kListenerPort, bpf::kR2);
}

}  // namespace

std::vector<bpf_insn> AssembleRewriteProgram(const RewriteMaps& maps, const std::vector<uint16_t>& ports,
                                             Endpoint::Family family) {
  const bool is_ipv4 = family == Endpoint::Family::kIPv4;
  Assembler program;
  Label done;
  Label wanted;

  program.Move(bpf::kR6, bpf::kR1);
  program.Load32(bpf::kR2, bpf::kR6, bpf::kSockAddrType);
  program.JumpIfNotEqual(bpf::kR2, SOCK_STREAM, done);
  program.Load32(bpf::kR2, bpf::kR6, bpf::kSockAddrProtocol);
  program.JumpIfNotEqual(bpf::kR2, IPPROTO_TCP, done);
  program.Load32(bpf::kR2, bpf::kR6, bpf::kSockAddrPort);
  for (const uint16_t port : ports) program.JumpIfEqual(bpf::kR2, htons(port), wanted);
  program.Jump(done);
  program.Bind(wanted);
  program.Store32(bpf::kStack, kOriginalPort, bpf::kR2);

  program.Move(bpf::kR1, bpf::kR6);
  program.Call(Helper::kNetnsCookie);
  program.Store64(bpf::kStack, kCookie, bpf::kR0);
  bpf::LookUpInMap(program, maps.targets, kCookie);
  program.JumpIfEqual(bpf::kR0, 0, done);
  program.Move(bpf::kR7, bpf::kR0);

  program.Load64(bpf::kR8, bpf::kR6, bpf::kSockAddrSocket);
  program.JumpIfEqual(bpf::kR8, 0, done);
  program.Load32(bpf::kR2, bpf::kR8, kBoundDevice);
  program.JumpIfNotEqual(bpf::kR2, 0, done);
  program.Load32(bpf::kR2, bpf::kR8, kMark);
  program.Load32(bpf::kR3, bpf::kR7, offsetof(RawRewriteTarget, mark));
  program.JumpIfNotEqual(bpf::kR2, bpf::kR3, done);

  Label plain6;
  Label keep;
  if (is_ipv4) {
    LeaveAlone4(program, kSockAddrIp4, done);
    TakePort(program, offsetof(RawRewriteTarget, port4), done);
  } else {
    UnlessMapped(program, plain6);
    LeaveAlone4(program, Word(kSockAddrIp6, 3), done);
    TakePort(program, offsetof(RawRewriteTarget, port4), done);
    program.Jump(keep);
    program.Bind(plain6);
    LeaveAlone6(program, done);
    TakePort(program, offsetof(RawRewriteTarget, port6), done);
    program.Bind(keep);
  }
  // The original destination.
  if (is_ipv4) {
    bpf::StoreMappedIp4(program, kSockAddrIp4, kAddress);
  } else {
    bpf::StoreIp6(program, kSockAddrIp6, kAddress);
  }
  program.Move(bpf::kR1, bpf::kR6);
  program.Call(Helper::kSocketCookie);
  program.Store64(bpf::kStack, kCookie, bpf::kR0);
  bpf::UpdateMap(program, maps.rewritten, kCookie, kValue);
  // A connection whose destination was not recorded could not be forwarded.
  program.JumpIfNotEqual(bpf::kR0, 0, done);

  if (is_ipv4) {
    SetWord(program, kSockAddrIp4, htonl(kLoopback4));
  } else {
    Label loopback6;
    Label port;
    UnlessMapped(program, loopback6);
    SetWord(program, Word(kSockAddrIp6, 3), htonl(kLoopback4));
    program.Jump(port);
    program.Bind(loopback6);
    for (size_t i = 0; i < 4; i++) SetWord(program, Word(kSockAddrIp6, i), i == 3 ? htonl(1) : 0);
    program.Bind(port);
  }
  program.Load32(bpf::kR2, bpf::kStack, kListenerPort);
  program.Store32(bpf::kR6, bpf::kSockAddrPort, bpf::kR2);

  program.Bind(done);
  program.Return(bpf::kAllow);
  return program.Finish();
}

std::vector<bpf_insn> AssemblePeerNameProgram(const RewriteMaps& maps, Endpoint::Family family) {
  const bool is_ipv4 = family == Endpoint::Family::kIPv4;
  Assembler program;
  Label done;
  Label loopback;

  program.Move(bpf::kR6, bpf::kR1);
  if (is_ipv4) {
    program.Load32(bpf::kR2, bpf::kR6, kSockAddrIp4);
    JumpIfNotEqualWord(program, bpf::kR2, htonl(kLoopback4), done);
  } else {
    program.Load32(bpf::kR2, bpf::kR6, Word(kSockAddrIp6, 3));
    JumpIfEqualWord(program, bpf::kR2, htonl(kLoopback4), loopback);
    JumpIfNotEqualWord(program, bpf::kR2, htonl(1), done);
    program.Bind(loopback);
  }
  program.Move(bpf::kR1, bpf::kR6);
  program.Call(Helper::kSocketCookie);
  program.Store64(bpf::kStack, kCookie, bpf::kR0);
  bpf::LookUpInMap(program, maps.rewritten, kCookie);
  program.JumpIfEqual(bpf::kR0, 0, done);
  // The same socket may have connected elsewhere in the meantime.
  program.Load32(bpf::kR2, bpf::kR6, bpf::kSockAddrPort);
  program.Load32(bpf::kR3, bpf::kR0, offsetof(RawRewritten, listener_port));
  program.JumpIfNotEqual(bpf::kR2, bpf::kR3, done);

  const auto copy = [&](size_t from, int16_t to) {
    program.Load32(bpf::kR2, bpf::kR0, static_cast<int16_t>(from));
    program.Store32(bpf::kR6, to, bpf::kR2);
  };
  if (is_ipv4) {
    copy(offsetof(RawRewritten, address) + 12, kSockAddrIp4);
  } else {
    for (size_t i = 0; i < 4; i++) copy(offsetof(RawRewritten, address) + 4 * i, Word(kSockAddrIp6, i));
  }
  copy(offsetof(RawRewritten, port), bpf::kSockAddrPort);

  program.Bind(done);
  program.Return(bpf::kAllow);
  return program.Finish();
}

}  // namespace oximy
