#include "linux/sites/code.h"

#include <algorithm>

#include "linux/sites/x86_length.h"

// None of the arm64 instructions has ever been run here: the encodings are from the Arm Architecture Reference Manual
// (C6.2), and the search was only tried on arm64 files.

namespace oximy::sites {
namespace {

constexpr uint64_t kDirectReach = 40, kIndirectReach = 96, kArm64Reach = 24 * 4, kFunctionReach = 256;

/** A copy of some code. */
struct Code {
  uint8_t bytes[kFunctionReach];
  size_t size = 0;
};

Code CodeAt(const Program& program, uint64_t address, uint64_t size) {
  Code code;
  const auto offset = program.image.CodeOffsetOf(address);
  if (!offset || *offset > program.bytes.size()) return code;
  size = std::min({size, uint64_t{sizeof code.bytes}, program.bytes.size() - *offset});
  if (program.bytes.Read(*offset, code.bytes, size)) code.size = size;
  return code;
}

uint64_t Relative(uint64_t next, int64_t distance) { return next + static_cast<uint64_t>(distance); }

int64_t SignExtend(uint64_t value, unsigned bits) {
  const unsigned unused = 64 - bits;
  return static_cast<int64_t>(value << unused) >> unused;
}

constexpr unsigned kRsi = 6;

std::optional<Load> X86LoadIn(const uint8_t* code, size_t size, uint64_t address, bool fixed) {
  // REX.W lea reg,[rip+x]
  if (size >= 7 && (code[0] & 0xfb) == 0x48 && code[1] == 0x8d && (code[2] & 0xc7) == 0x05) {
    const unsigned reg = ((code[2] >> 3) & 7) | ((code[0] & 4) != 0 ? 8u : 0u);
    return Load{address, address, Relative(address + 7, ValueAt<int32_t>(code + 3)), reg == kRsi, address + 7};
  }
  if (fixed && size >= 5 && (code[0] & 0xf8) == 0xb8) {
    return Load{address, address, ValueAt<uint32_t>(code + 1), (code[0] & 7) == kRsi, address + 5};
  }
  return std::nullopt;
}

bool IsRet(uint32_t word) { return (word & 0xfffffc1f) == 0xd65f0000; }
bool IsJump(uint32_t word) { return (word & 0xfc000000) == 0x14000000 || (word & 0xfffffc1f) == 0xd61f0000; }
bool IsDirectCall(uint32_t word) { return (word & 0xfc000000) == 0x94000000; }
bool IsIndirectCall(uint32_t word) { return (word & 0xfffffc1f) == 0xd63f0000; }
bool IsAdrp(uint32_t word) { return (word & 0x9f000000) == 0x90000000; }
bool IsAdr(uint32_t word) { return (word & 0x9f000000) == 0x10000000; }
/** 64 bits, immediate not shifted. */
bool IsAdd(uint32_t word) { return (word & 0xffc00000) == 0x91000000; }
unsigned Destination(uint32_t word) { return word & 31; }
unsigned Source(uint32_t word) { return (word >> 5) & 31; }
int64_t AdrDistance(uint32_t word) { return SignExtend(((word >> 5) & 0x7ffff) << 2 | ((word >> 29) & 3), 21); }

std::optional<Load> Arm64LoadAt(const Program& program, uint64_t first, uint64_t last) {
  if (last < first || last - first > kAdrpReach || (first | last) % 4 != 0) return std::nullopt;
  const auto head = CodeAt(program, first, 4), tail = CodeAt(program, last, 4);
  if (head.size < 4 || tail.size < 4) return std::nullopt;
  const auto word = ValueAt<uint32_t>(head.bytes), add = ValueAt<uint32_t>(tail.bytes);
  if (first == last) {
    if (!IsAdr(word)) return std::nullopt;
    return Load{first, last, Relative(first, AdrDistance(word)), Destination(word) == 1, first + 4};
  }
  const auto page = AdrpPage(word, first);
  if (!page || !IsAdd(add) || Source(add) != Destination(word)) return std::nullopt;
  return Load{first, last, *page + ((add >> 10) & 0xfff), Destination(add) == 1, last + 4};
}

/** Calls `take(code, length, address)` for each instruction until it returns false or one is unknown. */
template <typename Take>
void EachX86(const Program& program, uint64_t from, uint64_t reach, Take take) {
  const auto code = CodeAt(program, from, reach + 15);
  for (uint64_t at = 0; at < reach;) {
    const size_t length = at < code.size ? X86Length(code.bytes + at, code.size - at) : 0;
    if (length == 0 || !take(code.bytes + at, length, from + at)) return;
    at += length;
  }
}

template <typename Take>
void EachArm64(const Program& program, uint64_t from, uint64_t reach, Take take) {
  if (from % 4 != 0) return;
  const auto code = CodeAt(program, from, reach);
  for (uint64_t at = 0; at + 4 <= code.size; at += 4) {
    if (!take(ValueAt<uint32_t>(code.bytes + at), from + at)) return;
  }
}

/** ret, or an unconditional jump: what follows is reached from elsewhere. */
bool EndsX86(const uint8_t* code) {
  return code[0] == 0xc3 || code[0] == 0xc2 || code[0] == 0xe9 || code[0] == 0xeb ||
         (code[0] == 0xff && (code[1] & 0x38) == 0x20);
}

bool IsEndbr64(const Code& code) { return code.size >= 4 && ValueAt<uint32_t>(code.bytes) == 0xfa1e0ff3; }

}  // namespace

std::optional<uint64_t> AdrpPage(uint32_t word, uint64_t address) {
  if (!IsAdrp(word)) return std::nullopt;
  return Relative(address & ~uint64_t{0xfff}, AdrDistance(word) * 4096);
}

std::optional<Load> LoadAt(const Program& program, uint64_t first, uint64_t last) {
  if (program.image.machine == Machine::kArm64) return Arm64LoadAt(program, first, last);
  if (first != last) return std::nullopt;
  const auto code = CodeAt(program, first, 16);
  return X86LoadIn(code.bytes, code.size, first, program.image.fixed);
}

std::optional<uint64_t> DirectCallAfter(const Program& program, uint64_t from) {
  std::optional<uint64_t> target;
  if (program.image.machine == Machine::kArm64) {
    EachArm64(program, from, kArm64Reach, [&](uint32_t word, uint64_t address) {
      if (IsDirectCall(word)) target = Relative(address, SignExtend(word & 0x3ffffff, 26) * 4);
      return !target && !IsRet(word) && !IsJump(word);
    });
  } else {
    EachX86(program, from, kDirectReach, [&](const uint8_t* code, size_t length, uint64_t address) {
      if (code[0] == 0xe8 && length == 5) target = Relative(address + 5, ValueAt<int32_t>(code + 1));
      return !target && !EndsX86(code);
    });
  }
  if (target && !program.image.CodeOffsetOf(*target)) return std::nullopt;
  return target;
}

std::optional<uint64_t> IndirectCallAfter(const Program& program, uint64_t from) {
  std::optional<uint64_t> call;
  if (program.image.machine == Machine::kArm64) {
    EachArm64(program, from, kArm64Reach, [&](uint32_t word, uint64_t address) {
      if (IsIndirectCall(word)) call = address;
      return !call && !IsRet(word) && !IsJump(word);
    });
    return call;
  }
  EachX86(program, from, kIndirectReach, [&](const uint8_t* code, size_t length, uint64_t address) {
    const size_t rex = (code[0] & 0xf0) == 0x40 ? 1 : 0;
    if (length >= rex + 2 && code[rex] == 0xff && (code[rex + 1] & 0x38) == 0x10) call = address;
    return !call && !EndsX86(code);
  });
  return call;
}

bool IsStubOfOtherLibrary(const Program& program, uint64_t function) {
  const auto code = CodeAt(program, function, 16);
  if (program.image.machine == Machine::kArm64) {
    // adrp x16,…; ldr x17,[x16,…]
    return code.size >= 8 && (ValueAt<uint32_t>(code.bytes) & 0x9f00001f) == 0x90000010 &&
           (ValueAt<uint32_t>(code.bytes + 4) & 0xffc003ff) == 0xf9400211;
  }
  const uint8_t* at = code.bytes + (IsEndbr64(code) ? 4 : 0);
  if (code.size < 16) return false;
  if (at[0] == 0xf2) at++;  // bnd
  return at[0] == 0xff && at[1] == 0x25;
}

std::optional<Load> LastLoadOf(const Program& program, uint64_t function) {
  std::optional<Load> last;
  if (program.image.machine == Machine::kArm64) {
    std::optional<uint64_t> adrp;
    EachArm64(program, function, kFunctionReach, [&](uint32_t word, uint64_t address) {
      if (IsAdrp(word)) adrp = address;
      if (auto load = LoadAt(program, adrp && IsAdd(word) ? *adrp : address, address)) last = load;
      return !IsRet(word);
    });
    return last;
  }
  EachX86(program, function, kFunctionReach - 15, [&](const uint8_t* code, size_t length, uint64_t address) {
    if (auto load = X86LoadIn(code, length, address, false)) last = load;
    return !EndsX86(code);
  });
  return last;
}

}  // namespace oximy::sites
