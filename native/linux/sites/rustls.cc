#include "linux/sites/rustls.h"

#include <algorithm>

#include "linux/sites/labels.h"
#include "linux/sites/pointers.h"

namespace oximy::sites {
namespace {

constexpr size_t kMostTables = 8;

std::optional<Candidate> CallBehind(const Program& program, const Load& load, SiteKind kind, Rule rule) {
  const auto call = IndirectCallAfter(program, load.next);
  const auto offset = call ? program.image.CodeOffsetOf(*call) : std::nullopt;
  if (!offset) return std::nullopt;
  return Candidate{kind, *offset, rule, {load.first, load.last}};
}

bool PointsTo(const Program& program, uint64_t address, uint64_t relocation, size_t label) {
  const auto target = PointerBy(program.bytes, program.image, address, relocation);
  return target && LabelAt(program, *target, false) == label;
}

bool IsTable(const Program& program, const LabelTable& table) {
  return PointsTo(program, table.address, table.relocations[0], kClientEarly) &&
         PointsTo(program, table.address + 8, table.relocations[1], kClientHandshake);
}

}  // namespace

std::vector<LabelTable> FindLabelTables(const MemoryBytes& bytes, const Image& image,
                                        const std::vector<LabelText>& labels, Budget& budget) {
  std::vector<uint64_t> texts;
  for (const auto& text : labels) {
    if (!text.ended && (text.label == kClientEarly || text.label == kClientHandshake)) texts.push_back(text.address);
  }
  std::vector<LabelTable> tables;
  const auto pointers = PointersTo(bytes, image, texts, budget);
  for (const auto& first : pointers) {
    for (const auto& second : pointers) {
      const LabelTable table{first.address, {first.relocation, second.relocation}};
      const bool known =
          std::any_of(tables.begin(), tables.end(), [&](const auto& t) { return t.address == table.address; });
      if (second.address != first.address + 8 || known || !IsTable({bytes, image}, table)) continue;
      if (tables.size() < kMostTables) tables.push_back(table);
    }
  }
  return tables;
}

std::optional<Candidate> WillLogBehind(const Program& program, const Load& load, const LabelTable& table) {
  auto site = CallBehind(program, load, SiteKind::kRustlsWillLog, Rule::kLabelTable);
  if (site) site->proof.insert(site->proof.end(), {table.address, table.relocations[0], table.relocations[1]});
  return site;
}

std::optional<Candidate> LogBehind(const Program& program, const Load& load) {
  if (!load.second_argument) return std::nullopt;
  return CallBehind(program, load, SiteKind::kRustlsLog, Rule::kLabel);
}

bool CheckRustls(const Program& program, const Candidate& candidate) {
  const auto& proof = candidate.proof;
  if (proof.size() < 2) return false;
  const auto load = LoadAt(program, proof[0], proof[1]);
  if (!load) return false;
  if (candidate.rule == Rule::kLabelTable) {
    if (candidate.kind != SiteKind::kRustlsWillLog || proof.size() != 5) return false;
    const LabelTable table{proof[2], {proof[3], proof[4]}};
    if (load->target != table.address || !IsTable(program, table)) return false;
  } else if (candidate.kind != SiteKind::kRustlsLog || proof.size() != 2 || !load->second_argument ||
             LabelAt(program, load->target, false) != kClientRandom) {
    return false;
  }
  const auto call = IndirectCallAfter(program, load->next);
  return call && program.image.CodeOffsetOf(*call) == candidate.offset;
}

}  // namespace oximy::sites
