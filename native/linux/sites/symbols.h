#pragma once

#include <string_view>
#include <vector>

#include "linux/sites/budget.h"
#include "linux/sites/code.h"

namespace oximy::sites {

struct FunctionSymbol {
  uint64_t address;
  /** File offset of its Elf64_Sym. */
  uint64_t entry;
};

/** The functions of this name in .dynsym and .symtab. */
std::vector<FunctionSymbol> FunctionsNamed(const MemoryBytes& bytes, const Image& image, std::string_view name,
                                           Budget& budget);

/** The address of the function whose symbol is at `entry`, when that is a symbol of this name. */
std::optional<uint64_t> FunctionBySymbol(const Program& program, uint64_t entry, std::string_view name);

}  // namespace oximy::sites
