#include "linux/sites/go_table.h"

#include <algorithm>
#include <string_view>

#include "linux/sites/pointers.h"

namespace oximy::sites {
namespace {

constexpr std::string_view kFunction = "tls.(*Config).writeKeyLog";
constexpr uint64_t kMostFunctions = uint64_t{1} << 24;
constexpr uint64_t kLongestName = 256;
constexpr size_t kMostFound = 8;

/** runtime/symtab.go, pcHeader: offsets are relative to the table, those of functions to `text`. */
struct Table {
  uint64_t offset;
  uint64_t count;
  uint64_t text;
  uint64_t names;
  uint64_t names_end;
  uint64_t functions;
};

struct Entry {
  uint32_t text;
  uint32_t info;
};

/** `relocation`: of the field that holds the address of the first function, in position-independent programs. */
std::optional<Table> ReadTable(const Program& program, uint64_t offset, uint64_t relocation) {
  uint64_t fields[9];
  if (!program.bytes.Read(offset, fields, sizeof fields)) return std::nullopt;
  if (!IsGoTableHead(fields[0], program.image.machine)) return std::nullopt;
  Table table{offset, fields[1], fields[3], offset + fields[4], offset + fields[5], offset + fields[8]};
  const uint64_t size = program.bytes.size();
  if (table.count == 0 || table.count > kMostFunctions || fields[4] > size || fields[5] > size || fields[8] > size) {
    return std::nullopt;
  }
  if (table.names > table.names_end || table.names_end > size) return std::nullopt;
  if (!program.bytes.Has(table.functions, table.count * sizeof(Entry))) return std::nullopt;
  const auto field = program.image.AddressOf(offset + 24);
  if (relocation != 0 && field) table.text = PointerBy(program.bytes, program.image, *field, relocation).value_or(0);
  if (table.text == 0) {
    // Go 1.26 keeps it elsewhere. Without C in the program it is where the section begins.
    const Section* section = SectionNamed(program.bytes, program.image, ".text");
    if (!section) return std::nullopt;
    table.text = section->address;
  }
  return table;
}

/** The offset of the name, as in funcInfo of runtime/symtab.go: entry, then name. */
std::optional<uint64_t> NameOffset(const Bytes& bytes, const Table& table, const Entry& entry) {
  if (entry.info > bytes.size()) return std::nullopt;
  const auto name = bytes.Get<uint32_t>(table.functions + entry.info + 4);
  if (!name || *name >= table.names_end - table.names) return std::nullopt;
  return table.names + *name;
}

std::optional<Entry> EntryAt(const Bytes& bytes, const Table& table, uint64_t index) {
  if (index >= table.count) return std::nullopt;
  return bytes.Get<Entry>(table.functions + index * sizeof(Entry));
}

/**
 * Go functions that need stack begin with a check for it (cmd/internal/obj/x86, stacksplit): a compare with a field of
 * r14 (g), or first a lea into r12 or r13. Proof that the table's addresses are decoded correctly.
 */
bool BeginsLikeGo(const Program& program, uint64_t offset) {
  uint8_t code[4];
  if (!program.bytes.Read(offset, code, sizeof code)) return false;
  if (program.image.machine == Machine::kArm64) {
    // ldr x16,[x28,#16]; or, for large frames, mov
    return ValueAt<uint32_t>(code) == 0xf9400b90;
  }
  return std::memcmp(code, "\x49\x3b\x66\x10", 4) == 0 || std::memcmp(code, "\x4c\x8d\x64\x24", 4) == 0 ||
         std::memcmp(code, "\x4c\x8d\xa4\x24", 4) == 0;
}

std::optional<uint64_t> SiteOf(const Program& program, const Table& table, const Entry& entry) {
  const auto offset = program.image.CodeOffsetOf(table.text + entry.text);
  if (!offset || !BeginsLikeGo(program, *offset)) return std::nullopt;
  return offset;
}

/** Offsets of the names that end with the function's name. */
std::vector<uint64_t> NamesOf(const MemoryBytes& bytes, const Table& table) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data() + table.names), table.names_end - table.names);
  std::vector<uint64_t> names;
  for (size_t at = text.find(kFunction); at != text.npos && names.size() < kMostFound;
       at = text.find(kFunction, at + 1)) {
    const size_t end = at + kFunction.size();
    if (end >= text.size() || text[end] != '\0') continue;
    const size_t before = at == 0 ? text.npos : text.rfind('\0', at - 1);
    const size_t start = before == text.npos ? 0 : before + 1;
    if (end - start <= kLongestName) names.push_back(table.names + start);
  }
  return names;
}

void FindIn(const MemoryBytes& bytes, const Image& image, uint64_t offset, Budget& budget,
            std::vector<Candidate>& found) {
  const Program program{bytes, image};
  const auto field = image.AddressOf(offset + 24);
  const uint64_t relocation = field ? RelocationOf(bytes, image, *field, budget) : 0;
  const auto table = ReadTable(program, offset, relocation);
  if (!table || !budget.Take(table->names_end - table->names)) return;
  const auto names = NamesOf(bytes, *table);
  if (names.empty() || !budget.Take(table->count * sizeof(Entry))) return;
  for (uint64_t i = 0; i < table->count && found.size() < kMostFound; i++) {
    const auto entry = EntryAt(bytes, *table, i);
    const auto name = entry ? NameOffset(bytes, *table, *entry) : std::nullopt;
    if (!name || std::find(names.begin(), names.end(), *name) == names.end()) continue;
    if (const auto site = SiteOf(program, *table, *entry)) {
      found.push_back({SiteKind::kGo, *site, Rule::kGoTable, {offset, i, relocation}});
    }
  }
}

}  // namespace

std::vector<Candidate> FindGo(const MemoryBytes& bytes, const Image& image, const std::vector<uint64_t>& tables,
                              Budget& budget) {
  std::vector<Candidate> found;
  for (const uint64_t offset : tables) FindIn(bytes, image, offset, budget, found);
  return found;
}

bool CheckGo(const Program& program, const Candidate& candidate) {
  if (candidate.proof.size() != 3 || candidate.kind != SiteKind::kGo) return false;
  const auto table = ReadTable(program, candidate.proof[0], candidate.proof[2]);
  const auto entry = table ? EntryAt(program.bytes, *table, candidate.proof[1]) : std::nullopt;
  const auto name = entry ? NameOffset(program.bytes, *table, *entry) : std::nullopt;
  if (!name || SiteOf(program, *table, *entry) != candidate.offset) return false;
  char text[kLongestName + 1];
  const uint64_t size = std::min<uint64_t>(sizeof text, table->names_end - *name);
  if (!program.bytes.Read(*name, text, size)) return false;
  const std::string_view all(text, size), found = all.substr(0, all.find('\0'));
  return found.size() < size && found.size() >= kFunction.size() &&
         found.substr(found.size() - kFunction.size()) == kFunction;
}

}  // namespace oximy::sites
