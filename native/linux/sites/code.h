#pragma once

#include <cstdint>
#include <optional>

#include "linux/sites/bytes.h"
#include "linux/sites/elf_image.h"

namespace oximy::sites {

/** A file together with its parsed headers. */
struct Program {
  const Bytes& bytes;
  const Image& image;
};

/**
 * An address that code loads into a register. On x86-64 one instruction does, on arm64 two, with others between:
 * `first` is the `adrp`, `last` the `add`.
 */
struct Load {
  uint64_t first;
  uint64_t last;
  uint64_t target;
  /** Whether the register is that of a C function's second argument. */
  bool second_argument;
  /** The instruction after it. */
  uint64_t next;
};

/**
 * Decodes a load again at its claimed location:
 * x86-64: `lea reg,[rip+x]` or, in a fixed program, `mov reg32,imm32`; arm64: `adrp` and `add`, or `adr`.
 */
std::optional<Load> LoadAt(const Program& program, uint64_t first, uint64_t last);

/** The maximum distance of an `add` from its `adrp`. */
constexpr uint64_t kAdrpReach = 64 * 4;

/** If the word is an arm64 `adrp`, the page that it loads. */
std::optional<uint64_t> AdrpPage(uint32_t word, uint64_t address);

/** The target of the first direct call from `from` on, within some ten instructions of straight code. */
std::optional<uint64_t> DirectCallAfter(const Program& program, uint64_t from);

/** The address of the first call through a register or pointer from `from` on, within some twenty instructions. */
std::optional<uint64_t> IndirectCallAfter(const Program& program, uint64_t from);

/** Whether a function only jumps to another library's. */
bool IsStubOfOtherLibrary(const Program& program, uint64_t function);

/** The last load of a function before it returns. */
std::optional<Load> LastLoadOf(const Program& program, uint64_t function);

}  // namespace oximy::sites
