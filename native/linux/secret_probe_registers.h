#pragma once

#include <cstddef>
#include <cstdint>

namespace oximy {

/** Registers preserved across calls: one of them may point to a secret of rustls. */
constexpr size_t kMaxPreserved = 10;

/**
 * Where struct pt_regs keeps what a site's kind needs: offsets in bytes. Filled for x86-64 from its <asm/ptrace.h>, the
 * System V ABI and Go's ABIInternal; for arm64 likewise, where it has never been run.
 */
struct ProbeRegisters {
  int16_t instruction;
  int16_t stack;
  /** f(connection, label, secret, length) of C. */
  struct {
    int16_t connection, label, secret, length;
  } keylog;
  /** (*Config).writeKeyLog(label, clientRandom, secret): receiver, string, slice, slice. */
  struct {
    int16_t label, label_length, random, secret, length;
  } go;
  /** will_log(&self, label: &str) */
  struct {
    int16_t label, label_length;
  } will_log;
  /** log(&self, label: &str, client_random: &[u8], secret: &[u8]) */
  struct {
    int16_t random, secret;
  } log;
  /** HMAC_Create(hash, secret, length, …) */
  struct {
    int16_t secret, length;
  } hmac_create;
  /** HMAC_Init(context, hash, secret, length, …) */
  struct {
    int16_t secret, length;
  } hmac_init;
  size_t preserved_count;
  int16_t preserved[kMaxPreserved];
};

namespace x86_64 {
enum PtRegs : int16_t {
  kR15 = 0,
  kR14 = 8,
  kR13 = 16,
  kR12 = 24,
  kRbp = 32,
  kRbx = 40,
  kR10 = 56,
  kR9 = 64,
  kR8 = 72,
  kRax = 80,
  kRcx = 88,
  kRdx = 96,
  kRsi = 104,
  kRdi = 112,
  kRip = 128,
  kRsp = 152,
};
constexpr ProbeRegisters kRegisters{
    kRip,
    kRsp,
    {kRdi, kRsi, kRdx, kRcx},
    {kRbx, kRcx, kRdi, kR9, kR10},
    {kRsi, kRdx},
    {kRcx, kR9},
    {kRsi, kRdx},
    {kRdx, kRcx},
    6,
    {kRbx, kRbp, kR12, kR13, kR14, kR15},
};
}  // namespace x86_64

namespace arm64 {
/** struct user_pt_regs: x0 to x30, then sp and pc. */
constexpr int16_t X(int number) { return static_cast<int16_t>(8 * number); }
constexpr ProbeRegisters kRegisters{
    X(32),
    X(31),
    {X(0), X(1), X(2), X(3)},
    {X(1), X(2), X(3), X(6), X(7)},
    {X(1), X(2)},
    {X(3), X(5)},
    {X(1), X(2)},
    {X(2), X(3)},
    10,
    {X(19), X(20), X(21), X(22), X(23), X(24), X(25), X(26), X(27), X(28)},
};
}  // namespace arm64

/** The registers of this machine; null if unknown. */
inline const ProbeRegisters* OwnRegisters() {
#if defined(__x86_64__)
  return &x86_64::kRegisters;
#elif defined(__aarch64__)
  return &arm64::kRegisters;
#else
  return nullptr;
#endif
}

}  // namespace oximy
