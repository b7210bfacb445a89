#include "linux/sites/elf_image.h"

#include <elf.h>

#include <algorithm>

namespace oximy::sites {
namespace {

constexpr size_t kMostSegments = 64;
constexpr uint16_t kMostProgramHeaders = 256;
/** For linked programs; only object files have thousands. */
constexpr uint16_t kMostSections = 1024;
/** No user-space address is above it (arm64's largest); everything below adds up without overflow. */
constexpr uint64_t kHighestAddress = uint64_t{1} << 52;
constexpr uint64_t kLargestNotes = 64 * 1024;
constexpr uint64_t kLargestDynamic = 64 * 1024;

bool Cut(const Bytes& bytes, uint64_t offset, uint64_t& size) {
  if (offset >= bytes.size()) return false;
  size = std::min(size, bytes.size() - offset);
  return size > 0;
}

/** Where the loader gets DT_RELA from. */
void ReadDynamic(const Bytes& bytes, const Range& dynamic, Image& image) {
  uint64_t address = 0, size = 0;
  for (uint64_t at = 0; at + sizeof(Elf64_Dyn) <= std::min(dynamic.size, kLargestDynamic); at += sizeof(Elf64_Dyn)) {
    const auto entry = bytes.Get<Elf64_Dyn>(dynamic.offset + at);
    if (!entry || entry->d_tag == DT_NULL) break;
    if (entry->d_tag == DT_RELA) address = entry->d_un.d_ptr;
    if (entry->d_tag == DT_RELASZ) size = entry->d_un.d_val;
  }
  const auto offset = image.OffsetOf(address);
  if (address != 0 && offset && Cut(bytes, *offset, size)) image.addends.push_back({*offset, size});
}

void ReadSections(const Bytes& bytes, const Elf64_Ehdr& header, Image& image) {
  if (header.e_shentsize != sizeof(Elf64_Shdr)) return;
  // In one read: with thousands of claimed sections, root's check would otherwise make as many.
  std::vector<Elf64_Shdr> headers(std::min(header.e_shnum, kMostSections));
  if (!bytes.Read(header.e_shoff, headers.data(), headers.size() * sizeof(Elf64_Shdr))) return;
  for (const auto& found : headers) {
    Section section{found.sh_name, found.sh_type, found.sh_link, found.sh_addr, found.sh_offset, found.sh_size};
    if (section.type == SHT_NOBITS || !Cut(bytes, section.offset, section.size)) section.size = 0;
    image.sections.push_back(section);
  }
  image.names_section = header.e_shstrndx;
}

const char* ReadProgramHeaders(const Bytes& bytes, const Elf64_Ehdr& header, Image& image) {
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phoff > bytes.size()) return "program headers that are none";
  std::optional<Range> dynamic;
  for (uint64_t i = 0; i < std::min(header.e_phnum, kMostProgramHeaders); i++) {
    const auto found = bytes.Get<Elf64_Phdr>(header.e_phoff + i * sizeof(Elf64_Phdr));
    if (!found) return "program headers that are cut off";
    uint64_t size = found->p_filesz;
    if (!Cut(bytes, found->p_offset, size)) continue;
    if (found->p_type == PT_DYNAMIC) dynamic = Range{found->p_offset, size};
    if (found->p_type == PT_NOTE) image.notes.push_back({found->p_offset, std::min(size, kLargestNotes)});
    if (found->p_type != PT_LOAD) continue;
    if (found->p_vaddr >= kHighestAddress || size >= kHighestAddress) return "addresses that no program has";
    if (image.segments.size() == kMostSegments) return "too many segments";
    const bool executable = (found->p_flags & PF_X) != 0, writable = (found->p_flags & PF_W) != 0;
    image.segments.push_back({found->p_vaddr, found->p_offset, size, executable, writable});
  }
  if (dynamic) ReadDynamic(bytes, *dynamic, image);
  return nullptr;
}

}  // namespace

std::optional<uint64_t> Image::OffsetOf(uint64_t address) const {
  for (const auto& s : segments) {
    if (address >= s.address && address - s.address < s.size) return address - s.address + s.offset;
  }
  return std::nullopt;
}

std::optional<uint64_t> Image::CodeOffsetOf(uint64_t address) const {
  for (const auto& s : segments) {
    if (s.executable && address >= s.address && address - s.address < s.size) return address - s.address + s.offset;
  }
  return std::nullopt;
}

std::optional<uint64_t> Image::AddressOf(uint64_t offset) const {
  for (const auto& s : segments) {
    if (offset >= s.offset && offset - s.offset < s.size) return offset - s.offset + s.address;
  }
  return std::nullopt;
}

ImageRead ReadImage(const Bytes& bytes) {
  const auto header = bytes.Get<Elf64_Ehdr>(0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return {std::nullopt, "no ELF file"};
  if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB) {
    return {std::nullopt, "not a 64-bit little-endian file"};
  }
  if (header->e_type != ET_EXEC && header->e_type != ET_DYN) return {std::nullopt, "neither program nor library"};
  Image image;
  if (header->e_machine == EM_AARCH64) {
    image.machine = Machine::kArm64;
  } else if (header->e_machine != EM_X86_64) {
    return {std::nullopt, "code of a machine that is not known"};
  }
  image.fixed = header->e_type == ET_EXEC;
  if (const char* reason = ReadProgramHeaders(bytes, *header, image)) return {std::nullopt, reason};
  ReadSections(bytes, *header, image);
  return {std::move(image), ""};
}

const Section* SectionNamed(const Bytes& bytes, const Image& image, std::string_view name) {
  if (image.names_section >= image.sections.size()) return nullptr;
  const auto& names = image.sections[image.names_section];
  char found[64];
  if (name.size() >= sizeof found) return nullptr;
  for (const auto& section : image.sections) {
    // Includes the NUL, so that a longer name does not match.
    if (section.name > names.size || names.size - section.name < name.size() + 1) continue;
    if (!bytes.Read(names.offset + section.name, found, name.size() + 1)) continue;
    if (found[name.size()] == '\0' && name == std::string_view(found, name.size())) return &section;
  }
  return nullptr;
}

std::optional<uint64_t> PointerBy(const Bytes& bytes, const Image& image, uint64_t address, uint64_t relocation) {
  if (relocation == 0) {
    const auto offset = image.OffsetOf(address);
    return offset ? bytes.Get<uint64_t>(*offset) : std::nullopt;
  }
  const uint32_t relative = image.machine == Machine::kArm64 ? R_AARCH64_RELATIVE : R_X86_64_RELATIVE;
  for (const auto& range : image.addends) {
    if (relocation < range.offset || relocation - range.offset >= range.size) continue;
    if ((relocation - range.offset) % sizeof(Elf64_Rela) != 0) continue;
    const auto entry = bytes.Get<Elf64_Rela>(relocation);
    if (!entry || entry->r_offset != address || ELF64_R_TYPE(entry->r_info) != relative) continue;
    return static_cast<uint64_t>(entry->r_addend);
  }
  return std::nullopt;
}

std::string BuildId(const Bytes& bytes, const Image& image) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (const auto& notes : image.notes) {
    uint64_t at = 0;
    while (at + sizeof(Elf64_Nhdr) <= notes.size) {
      const auto note = bytes.Get<Elf64_Nhdr>(notes.offset + at);
      if (!note) break;
      const uint64_t name = at + sizeof(Elf64_Nhdr), content = name + ((uint64_t{note->n_namesz} + 3) & ~uint64_t{3});
      const uint64_t next = content + ((uint64_t{note->n_descsz} + 3) & ~uint64_t{3});
      if (next > notes.size) break;
      char owner[4];
      if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && note->n_descsz >= 8 && note->n_descsz <= 64 &&
          bytes.Read(notes.offset + name, owner, 4) && std::memcmp(owner, "GNU", 4) == 0) {
        std::string text;
        for (uint64_t i = 0; i < note->n_descsz; i++) {
          const auto byte = bytes.Get<uint8_t>(notes.offset + content + i).value_or(0);
          text += {kDigits[byte >> 4], kDigits[byte & 15]};
        }
        return text;
      }
      at = next;
    }
  }
  return "";
}

}  // namespace oximy::sites
