#include "linux/sites/symbols.h"

#include <elf.h>

#include <algorithm>

namespace oximy::sites {
namespace {

constexpr size_t kMostPlaces = 8;
/** A file has two: .dynsym and .symtab. */
constexpr size_t kMostTables = 8;

bool HasSymbols(const Section& section) { return section.type == SHT_DYNSYM || section.type == SHT_SYMTAB; }

const Section* StringsOf(const Image& image, const Section& symbols) {
  return symbols.link < image.sections.size() ? &image.sections[symbols.link] : nullptr;
}

bool IsFunction(const Elf64_Sym& symbol) {
  return ELF64_ST_TYPE(symbol.st_info) == STT_FUNC && symbol.st_shndx != SHN_UNDEF && symbol.st_value != 0;
}

/** Offsets of the name in a string table; symbols are then compared by number. */
std::vector<uint32_t> PlacesOf(const MemoryBytes& bytes, const Section& strings, std::string_view name) {
  std::vector<uint32_t> places;
  const std::string_view text(reinterpret_cast<const char*>(bytes.data() + strings.offset), strings.size);
  for (size_t at = text.find(name); at != text.npos && places.size() < kMostPlaces; at = text.find(name, at + 1)) {
    if (at + name.size() < text.size() && text[at + name.size()] == '\0') places.push_back(static_cast<uint32_t>(at));
  }
  return places;
}

}  // namespace

std::vector<FunctionSymbol> FunctionsNamed(const MemoryBytes& bytes, const Image& image, std::string_view name,
                                           Budget& budget) {
  std::vector<FunctionSymbol> found;
  size_t tables = 0;
  for (const auto& section : image.sections) {
    const Section* strings = HasSymbols(section) && ++tables <= kMostTables ? StringsOf(image, section) : nullptr;
    if (!strings || strings->size == 0 || !budget.Take(strings->size)) continue;
    const auto places = PlacesOf(bytes, *strings, name);
    if (places.empty() || !budget.Take(section.size)) continue;
    for (uint64_t at = 0; at + sizeof(Elf64_Sym) <= section.size; at += sizeof(Elf64_Sym)) {
      const auto symbol = ValueAt<Elf64_Sym>(bytes.data() + section.offset + at);
      if (std::find(places.begin(), places.end(), symbol.st_name) == places.end() || !IsFunction(symbol)) continue;
      if (found.size() < kMostPlaces) found.push_back({symbol.st_value, section.offset + at});
    }
  }
  return found;
}

std::optional<uint64_t> FunctionBySymbol(const Program& program, uint64_t entry, std::string_view name) {
  size_t tables = 0;
  for (const auto& section : program.image.sections) {
    if (!HasSymbols(section) || ++tables > kMostTables || entry < section.offset ||
        entry - section.offset >= section.size)
      continue;
    const Section* strings = StringsOf(program.image, section);
    const auto symbol = program.bytes.Get<Elf64_Sym>(entry);
    if ((entry - section.offset) % sizeof(Elf64_Sym) != 0 || !strings || !symbol || !IsFunction(*symbol)) continue;
    char text[64];
    if (name.size() >= sizeof text || symbol->st_name > strings->size || strings->size - symbol->st_name <= name.size())
      continue;
    if (!program.bytes.Read(strings->offset + symbol->st_name, text, name.size() + 1)) continue;
    if (text[name.size()] == '\0' && std::string_view(text, name.size()) == name) return symbol->st_value;
  }
  return std::nullopt;
}

}  // namespace oximy::sites
