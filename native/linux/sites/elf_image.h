#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "linux/sites/bytes.h"

namespace oximy::sites {

enum class Machine { kX86_64, kArm64 };

/** A PT_LOAD, clipped to what the file contains of it. */
struct Segment {
  uint64_t address;
  uint64_t offset;
  uint64_t size;
  bool executable;
  bool writable;
};

/** A section whose content is in the file. */
struct Section {
  uint32_t name;
  uint32_t type;
  uint32_t link;
  uint64_t address;
  uint64_t offset;
  uint64_t size;
};

struct Range {
  uint64_t offset;
  uint64_t size;
};

/** The parsed parts of an ELF file (System V gABI): where they lie in the file and in memory. */
struct Image {
  Machine machine = Machine::kX86_64;
  /** ET_EXEC: runs at the addresses it is linked for. */
  bool fixed = false;
  std::vector<Segment> segments;
  /** By their own numbers; those without content have size 0. */
  std::vector<Section> sections;
  uint32_t names_section = 0;
  /** Relocations with addends, by PT_DYNAMIC as the loader finds them. */
  std::vector<Range> addends;
  std::vector<Range> notes;

  /** Kernel probes are placed by file offset. */
  std::optional<uint64_t> OffsetOf(uint64_t address) const;
  /** The same for an address of code. */
  std::optional<uint64_t> CodeOffsetOf(uint64_t address) const;
  std::optional<uint64_t> AddressOf(uint64_t offset) const;
};

struct ImageRead {
  std::optional<Image> image;
  /** Why `image` is empty. */
  const char* reason = "";
};

/** Accepts 64-bit little-endian executables and shared objects for x86-64 and arm64. */
ImageRead ReadImage(const Bytes& bytes);

const Section* SectionNamed(const Bytes& bytes, const Image& image, std::string_view name);

/** The pointer at `address` once the file is loaded at its own addresses. */
struct Pointer {
  uint64_t target;
  /** File offset of its Elf64_Rela; 0 when the pointer itself is in the file (RELR, or not relocated). */
  uint64_t relocation;
};

/** `relocation` as found before; verified to be one of the file's, and the one of this address. */
std::optional<uint64_t> PointerBy(const Bytes& bytes, const Image& image, uint64_t address, uint64_t relocation);

/** NT_GNU_BUILD_ID as hexadecimal digits; empty when there is none. */
std::string BuildId(const Bytes& bytes, const Image& image);

}  // namespace oximy::sites
