#include "site_check.h"

#include <sys/stat.h>

#include <optional>

#include "linux/sites/check.h"

namespace oximy {
namespace {

using sites::FileBytes;

std::optional<FileBytes> ContentOf(int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size < 0) return std::nullopt;
  return FileBytes(fd, static_cast<uint64_t>(status.st_size));
}

bool IsFor(const sites::Image& image, const std::string& machine) {
  return machine == (image.machine == sites::Machine::kArm64 ? "arm64" : "x64");
}

}  // namespace

std::vector<bool> CheckSites(int fd, const std::string& machine, const std::vector<ClaimedSite>& claims) {
  std::vector<bool> checked(claims.size(), false);
  const auto bytes = ContentOf(fd);
  const auto image = bytes ? sites::ReadImage(*bytes).image : std::nullopt;
  if (!image || !IsFor(*image, machine)) return checked;
  for (size_t i = 0; i < claims.size(); i++) {
    sites::Candidate candidate{sites::SiteKind::kKeylog, claims[i].offset, sites::Rule::kSymbol, claims[i].proof};
    if (!sites::KindNamed(claims[i].kind, candidate.kind) || !sites::RuleNamed(claims[i].rule, candidate.rule))
      continue;
    checked[i] = sites::IsSite(*bytes, *image, candidate);
  }
  return checked;
}

std::string BuildIdOf(int fd) {
  const auto bytes = ContentOf(fd);
  const auto image = bytes ? sites::ReadImage(*bytes).image : std::nullopt;
  return image ? sites::BuildId(*bytes, *image) : "";
}

}  // namespace oximy
