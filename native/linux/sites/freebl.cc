#include "linux/sites/freebl.h"

#include <algorithm>

#include "linux/sites/pointers.h"
#include "linux/sites/symbols.h"

namespace oximy::sites {
namespace {

constexpr std::string_view kName = "FREEBL_GetVector";

/** Counted in pointers; the first slot holds the table's own length and version, two bytes each. */
struct Slot {
  SiteKind kind;
  uint64_t index;
};
constexpr Slot kSlots[] = {{SiteKind::kNssHmacCreate, 139}, {SiteKind::kNssHmacInit, 140}};
constexpr uint64_t kShortest = 141 * 8;
constexpr uint8_t kMajorVersion = 3;

/** The table that the function returns: the last address that it loads. */
std::optional<uint64_t> TableOf(const Program& program, uint64_t function) {
  const auto load = LastLoadOf(program, function);
  const auto offset = load ? program.image.OffsetOf(load->target) : std::nullopt;
  if (!offset) return std::nullopt;
  const auto length = program.bytes.Get<uint16_t>(*offset), version = program.bytes.Get<uint16_t>(*offset + 2);
  if (!length || !version || *length < kShortest || *version >> 8 != kMajorVersion) return std::nullopt;
  return load->target;
}

std::optional<uint64_t> SiteIn(const Program& program, uint64_t slot, uint64_t relocation) {
  const auto function = PointerBy(program.bytes, program.image, slot, relocation);
  return function ? program.image.CodeOffsetOf(*function) : std::nullopt;
}

}  // namespace

std::vector<Candidate> FindFreebl(const MemoryBytes& bytes, const Image& image, Budget& budget) {
  const Program program{bytes, image};
  for (const auto& symbol : FunctionsNamed(bytes, image, kName, budget)) {
    const auto table = TableOf(program, symbol.address);
    if (!table) continue;
    std::vector<Candidate> sites;
    for (const auto& [kind, index] : kSlots) {
      const uint64_t slot = *table + 8 * index, relocation = RelocationOf(bytes, image, slot, budget);
      const auto site = SiteIn(program, slot, relocation);
      if (site) sites.push_back({kind, *site, Rule::kVector, {symbol.entry, relocation}});
    }
    if (!sites.empty()) return sites;
  }
  return {};
}

bool CheckFreebl(const Program& program, const Candidate& candidate) {
  if (candidate.proof.size() != 2) return false;
  const auto slot =
      std::find_if(std::begin(kSlots), std::end(kSlots), [&](const Slot& s) { return s.kind == candidate.kind; });
  const auto function = FunctionBySymbol(program, candidate.proof[0], kName);
  const auto table = function ? TableOf(program, *function) : std::nullopt;
  if (slot == std::end(kSlots) || !table) return false;
  return SiteIn(program, *table + 8 * slot->index, candidate.proof[1]) == candidate.offset;
}

}  // namespace oximy::sites
