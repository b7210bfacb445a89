#include "linux/sites/candidate.h"

#include <cstddef>

namespace oximy::sites {
namespace {

constexpr const char* kKinds[] = {"keylog", "go", "rustls_will_log", "rustls_log", "nss_hmac_create", "nss_hmac_init"};
constexpr const char* kRules[] = {"symbol", "calls", "go_table", "label_table", "label", "vector"};

template <typename T, size_t N>
bool Named(const char* const (&names)[N], const std::string& name, T& value) {
  for (size_t i = 0; i < N; i++) {
    if (name != names[i]) continue;
    value = static_cast<T>(i);
    return true;
  }
  return false;
}

}  // namespace

const char* KindName(SiteKind kind) { return kKinds[static_cast<size_t>(kind)]; }
const char* RuleName(Rule rule) { return kRules[static_cast<size_t>(rule)]; }
bool KindNamed(const std::string& name, SiteKind& kind) { return Named(kKinds, name, kind); }
bool RuleNamed(const std::string& name, Rule& rule) { return Named(kRules, name, rule); }

}  // namespace oximy::sites
