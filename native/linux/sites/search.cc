#include "linux/sites/search.h"

#include <algorithm>
#include <iterator>

#include "linux/sites/check.h"
#include "linux/sites/freebl.h"
#include "linux/sites/go_table.h"
#include "linux/sites/keylog.h"
#include "linux/sites/labels.h"
#include "linux/sites/landmarks.h"
#include "linux/sites/loads.h"
#include "linux/sites/rustls.h"

namespace oximy::sites {
namespace {

/** More than any program has; one that exceeds it is crafted. */
constexpr size_t kMostSites = 32;

void Append(std::vector<Candidate>& sites, std::vector<Candidate> more) {
  for (auto& site : more) {
    const bool known =
        std::any_of(sites.begin(), sites.end(), [&](const auto& other) { return other.offset == site.offset; });
    if (!known && sites.size() < kMostSites) sites.push_back(std::move(site));
  }
}

/** What only the code that loads the labels reveals, in one pass over it. */
std::vector<Candidate> SearchCode(const MemoryBytes& bytes, const Image& image, const std::vector<LabelText>& labels,
                                  bool keylog_is_known, Budget& budget) {
  const Program program{bytes, image};
  const auto tables = FindLabelTables(bytes, image, labels, budget);
  std::vector<uint64_t> wanted;
  wanted.reserve(tables.size() + labels.size());
  for (const auto& table : tables) wanted.push_back(table.address);
  for (const auto& text : labels) {
    const bool for_log = !text.ended && text.label == kClientRandom && !tables.empty();
    if (for_log || (text.ended && !keylog_is_known)) wanted.push_back(text.address);
  }
  KeylogVote vote(program);
  std::vector<Candidate> will_log, logged;
  FindLoads(bytes, image, std::move(wanted), budget, [&](const Load& load) {
    for (const auto& table : tables) {
      if (table.address != load.target) continue;
      if (auto site = WillLogBehind(program, load, table)) Append(will_log, {*site});
    }
    for (const auto& text : labels) {
      if (text.address != load.target) continue;
      if (text.ended) {
        vote.Add(load, text.label);
      } else if (auto site = LogBehind(program, load)) {
        Append(logged, {*site});
      }
    }
  });
  std::vector<Candidate> sites = vote.Sites();
  // A file without will_log calls is not rustls, and its CLIENT_RANDOM means something else.
  if (!will_log.empty()) {
    Append(sites, std::move(will_log));
    Append(sites, std::move(logged));
  }
  return sites;
}

}  // namespace

Found Search(const MemoryBytes& bytes, const Image& image) {
  Budget budget(bytes.size());
  Found found;
  Append(found.sites, FindFreebl(bytes, image, budget));
  auto named = FindKeylogBySymbol(bytes, image, budget);
  const bool keylog_is_known = !named.empty();
  Append(found.sites, std::move(named));
  const Landmarks landmarks = FindLandmarks(bytes, image, budget);
  Append(found.sites, FindGo(bytes, image, landmarks.go_tables, budget));
  if (!landmarks.labels.empty())
    Append(found.sites, SearchCode(bytes, image, landmarks.labels, keylog_is_known, budget));
  // Drops what the check would refuse: overlapping segments can give one location two addresses.
  auto& sites = found.sites;
  sites.erase(std::remove_if(sites.begin(), sites.end(), [&](const auto& site) { return !IsSite(bytes, image, site); }),
              sites.end());
  if (!sites.empty()) return found;
  if (budget.exhausted()) {
    found.reason = "its headers claim more than it has";
  } else {
    found.reason =
        landmarks.labels.empty() ? "no TLS stack that is known" : "labels of a TLS stack, but no certain site";
  }
  return found;
}

}  // namespace oximy::sites
