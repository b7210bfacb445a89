#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace oximy::sites {

/** As src/secrets/site.ts names them. */
enum class SiteKind { kKeylog, kGo, kRustlsWillLog, kRustlsLog, kNssHmacCreate, kNssHmacInit };

/** The rule that found a site, with the data needed to find it again without a search (check.h). */
enum class Rule {
  /** [file offset of the Elf64_Sym] */
  kSymbol,
  /** [first, last of each load …]: loads of different labels, each followed by a call of the site. */
  kCalls,
  /** [file offset of the table, index of the function] */
  kGoTable,
  /** [first, last of the load, address of the table, relocations of its first two pointers] */
  kLabelTable,
  /** [first, last of the load] */
  kLabel,
  /** [file offset of the Elf64_Sym of FREEBL_GetVector, relocation of the slot] */
  kVector,
};

struct Candidate {
  SiteKind kind;
  /** File offset. */
  uint64_t offset;
  Rule rule;
  std::vector<uint64_t> proof;
};

const char* KindName(SiteKind kind);
const char* RuleName(Rule rule);
/** False when there is no such name. */
bool KindNamed(const std::string& name, SiteKind& kind);
bool RuleNamed(const std::string& name, Rule& rule);

}  // namespace oximy::sites
