#include "linux/sites/answer.h"

namespace oximy::sites {

std::string FormatAnswer(const Bytes& bytes, const Image& image, const Found& found) {
  std::string text = image.machine == Machine::kArm64 ? "machine arm64\n" : "machine x64\n";
  const std::string build_id = BuildId(bytes, image);
  if (!build_id.empty()) text += "build-id " + build_id + "\n";
  if (found.sites.empty()) return text + FormatNone(found.reason);
  for (const auto& site : found.sites) {
    text += std::string("site ") + KindName(site.kind) + " " + std::to_string(site.offset) + " " + RuleName(site.rule);
    for (const uint64_t number : site.proof) text += " " + std::to_string(number);
    text += "\n";
  }
  return text + "end\n";
}

std::string FormatNone(const char* reason) { return std::string("none ") + reason + "\nend\n"; }

}  // namespace oximy::sites
