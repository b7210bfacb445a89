#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace oximy {

/** A site as claimed by an unprivileged search: src/secrets/search.ts defines the names. */
struct ClaimedSite {
  std::string kind;
  uint64_t offset;
  std::string rule;
  std::vector<uint64_t> proof;
};

/**
 * For each claim whether it is a site, checked against the file itself. `machine` ("x64", "arm64"): the required
 * architecture. Reads some kilobytes; `fd` is a regular file, and no content of it can do harm.
 */
std::vector<bool> CheckSites(int fd, const std::string& machine, const std::vector<ClaimedSite>& claims);

/** The build id of an ELF file in hexadecimal digits; empty when it has none. */
std::string BuildIdOf(int fd);

}  // namespace oximy
