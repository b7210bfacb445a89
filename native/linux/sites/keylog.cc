#include "linux/sites/keylog.h"

#include <algorithm>

#include "linux/sites/labels.h"
#include "linux/sites/symbols.h"

namespace oximy::sites {
namespace {

constexpr std::string_view kName = "ssl_log_secret";
constexpr size_t kMostFunctions = 1024;
/** Two labels suffice for the function that has more of them than any other; a second function needs three. */
constexpr size_t kEnough = 2, kEnoughForAnother = 3;

std::optional<uint64_t> CalledWith(const Program& program, const Load& load) {
  if (!load.second_argument) return std::nullopt;
  const auto function = DirectCallAfter(program, load.next);
  // memcmp(line, "CLIENT_RANDOM", …) is called the same way.
  if (!function || IsStubOfOtherLibrary(program, *function)) return std::nullopt;
  return function;
}

}  // namespace

std::vector<Candidate> FindKeylogBySymbol(const MemoryBytes& bytes, const Image& image, Budget& budget) {
  std::vector<Candidate> sites;
  for (const auto& symbol : FunctionsNamed(bytes, image, kName, budget)) {
    const auto offset = image.CodeOffsetOf(symbol.address);
    const bool known = std::any_of(sites.begin(), sites.end(), [&](const auto& site) { return site.offset == offset; });
    if (offset && !known) sites.push_back({SiteKind::kKeylog, *offset, Rule::kSymbol, {symbol.entry}});
  }
  return sites;
}

void KeylogVote::Add(const Load& load, size_t label) {
  const auto function = CalledWith(program_, load);
  if (!function) return;
  auto votes = std::find_if(votes_.begin(), votes_.end(), [&](const Votes& v) { return v.function == *function; });
  if (votes == votes_.end()) {
    if (votes_.size() == kMostFunctions) return;
    votes = votes_.insert(votes_.end(), Votes{*function, 0, {}});
  }
  if ((votes->labels & (1u << label)) != 0) return;
  votes->labels |= 1u << label;
  votes->loads.push_back(load.first);
  votes->loads.push_back(load.last);
}

std::vector<Candidate> KeylogVote::Sites() const {
  size_t most = 0, second = 0;
  for (const auto& votes : votes_) {
    const size_t count = votes.loads.size() / 2;
    second = std::max(second, std::min(most, count));
    most = std::max(most, count);
  }
  std::vector<Candidate> sites;
  for (const auto& votes : votes_) {
    const size_t count = votes.loads.size() / 2;
    const bool wins = count >= kEnough && count == most && most > second;
    const auto offset = program_.image.CodeOffsetOf(votes.function);
    if (offset && (wins || count >= kEnoughForAnother)) {
      sites.push_back({SiteKind::kKeylog, *offset, Rule::kCalls, votes.loads});
    }
  }
  return sites;
}

bool CheckKeylog(const Program& program, const Candidate& candidate) {
  if (candidate.kind != SiteKind::kKeylog) return false;
  if (candidate.rule == Rule::kSymbol) {
    if (candidate.proof.size() != 1) return false;
    const auto function = FunctionBySymbol(program, candidate.proof[0], kName);
    return function && program.image.CodeOffsetOf(*function) == candidate.offset;
  }
  unsigned labels = 0;
  for (size_t i = 0; i + 1 < candidate.proof.size(); i += 2) {
    const auto load = LoadAt(program, candidate.proof[i], candidate.proof[i + 1]);
    const auto label = load ? LabelAt(program, load->target, true) : std::nullopt;
    const auto function = label ? CalledWith(program, *load) : std::nullopt;
    if (!function || program.image.CodeOffsetOf(*function) != candidate.offset) return false;
    labels |= 1u << *label;
  }
  return (labels & (labels - 1)) != 0;
}

}  // namespace oximy::sites
