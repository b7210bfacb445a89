#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <vector>

namespace oximy::bpf {

enum Register : uint8_t { kR0, kR1, kR2, kR3, kR4, kR5, kR6, kR7, kR8, kR9, kStack };

enum class Helper : int32_t {
  kMapLookUp = 1,
  kMapUpdate = 2,
  kCurrentPidTgid = 14,
  kCurrentUidGid = 15,
  kCurrentName = 16,
  kSocketCookie = 46,
  kReadUser = 112,
  kNamespacePidTgid = 120,
  kNetnsCookie = 122,
  kBootTime = 125,
  kRingOutput = 130,
  kRingReserve = 131,
  kRingSubmit = 132,
  kRingDiscard = 133,
};

/** The target of a jump that is emitted before its target is. */
class Label {
  friend class Assembler;
  std::vector<size_t> jumps_;
};

/** Writes instructions one by one; the names are those of the kernel's Documentation/bpf/instruction-set. */
class Assembler {
 public:
  void Move(Register to, Register from) { Emit(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0); }
  void Move(Register to, int32_t value) { Emit(BPF_ALU64 | BPF_MOV | BPF_K, to, kR0, 0, value); }
  /** to = from + value: the address of something on the stack. */
  void Address(Register to, Register from, int32_t value) {
    Move(to, from);
    Emit(BPF_ALU64 | BPF_ADD | BPF_K, to, kR0, 0, value);
  }
  void Add(Register to, int32_t value) { Emit(BPF_ALU64 | BPF_ADD | BPF_K, to, kR0, 0, value); }
  void And(Register to, Register from) { Emit(BPF_ALU64 | BPF_AND | BPF_X, to, from, 0, 0); }
  void And(Register to, int32_t value) { Emit(BPF_ALU64 | BPF_AND | BPF_K, to, kR0, 0, value); }
  void Subtract(Register to, Register from) { Emit(BPF_ALU64 | BPF_SUB | BPF_X, to, from, 0, 0); }
  void Move64(Register to, uint64_t value) { EmitWide(to, kR0, value); }
  void LoadMap(Register to, int map) {
    EmitWide(to, static_cast<Register>(BPF_PSEUDO_MAP_FD), static_cast<uint32_t>(map));
  }

  void Load32(Register to, Register base, int16_t offset) { Emit(BPF_LDX | BPF_W | BPF_MEM, to, base, offset, 0); }
  void Load64(Register to, Register base, int16_t offset) { Emit(BPF_LDX | BPF_DW | BPF_MEM, to, base, offset, 0); }
  void Store32(Register base, int16_t offset, Register value) {
    Emit(BPF_STX | BPF_W | BPF_MEM, base, value, offset, 0);
  }
  void Store64(Register base, int16_t offset, Register value) {
    Emit(BPF_STX | BPF_DW | BPF_MEM, base, value, offset, 0);
  }
  void StoreValue32(Register base, int16_t offset, int32_t value) {
    Emit(BPF_ST | BPF_W | BPF_MEM, base, kR0, offset, value);
  }
  void StoreValue64(Register base, int16_t offset, int32_t value) {
    Emit(BPF_ST | BPF_DW | BPF_MEM, base, kR0, offset, value);
  }

  /** Adds to a counter that is shared between processors. */
  void AtomicAdd64(Register base, int16_t offset, Register value) {
    Emit(BPF_STX | BPF_DW | kAtomic, base, value, offset, 0);
  }

  void JumpIfEqual(Register left, int32_t right, Label& label) {
    Jump(BPF_JMP | BPF_JEQ | BPF_K, left, kR0, right, label);
  }
  void JumpIfEqual(Register left, Register right, Label& label) {
    Jump(BPF_JMP | BPF_JEQ | BPF_X, left, right, 0, label);
  }
  void JumpIfNotEqual(Register left, int32_t right, Label& label) {
    Jump(BPF_JMP | BPF_JNE | BPF_K, left, kR0, right, label);
  }
  void JumpIfNotEqual(Register left, Register right, Label& label) {
    Jump(BPF_JMP | BPF_JNE | BPF_X, left, right, 0, label);
  }
  void JumpIfGreater(Register left, int32_t right, Label& label) {
    Jump(BPF_JMP | BPF_JGT | BPF_K, left, kR0, right, label);
  }
  void Jump(Label& label) { Jump(BPF_JMP | BPF_JA, kR0, kR0, 0, label); }
  /** All jumps to the label land at the next instruction. */
  void Bind(Label& label) {
    for (const size_t jump : label.jumps_) code_[jump].off = static_cast<int16_t>(code_.size() - jump - 1);
  }

  void Call(Helper helper) { Emit(BPF_JMP | BPF_CALL, kR0, kR0, 0, static_cast<int32_t>(helper)); }
  void Return(int32_t value) {
    Move(kR0, value);
    Emit(BPF_JMP | BPF_EXIT, kR0, kR0, 0, 0);
  }

  std::vector<bpf_insn> Finish() { return std::move(code_); }

 private:
  /** BPF_XADD, which newer headers call BPF_ATOMIC. */
  static constexpr uint8_t kAtomic = 0xc0;

  void Emit(uint8_t code, Register to, Register from, int16_t offset, int32_t value) {
    bpf_insn instruction{};
    instruction.code = code;
    instruction.dst_reg = to;
    instruction.src_reg = from;
    instruction.off = offset;
    instruction.imm = value;
    code_.push_back(instruction);
  }

  void EmitWide(Register to, Register pseudo, uint64_t value) {
    Emit(BPF_LD | BPF_DW | BPF_IMM, to, pseudo, 0, static_cast<int32_t>(value));
    Emit(0, kR0, kR0, 0, static_cast<int32_t>(value >> 32));
  }

  void Jump(uint8_t code, Register left, Register right, int32_t value, Label& label) {
    label.jumps_.push_back(code_.size());
    Emit(code, left, right, 0, value);
  }

  std::vector<bpf_insn> code_;
};

}  // namespace oximy::bpf
