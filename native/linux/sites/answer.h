#pragma once

#include <string>

#include "linux/sites/elf_image.h"
#include "linux/sites/search.h"

namespace oximy::sites {

/**
 * The output that src/secrets/search.ts reads, line by line: `machine NAME`, then `site KIND OFFSET RULE NUMBER…` for
 * each site, or `none REASON`, and `end`, without which it is incomplete.
 */
std::string FormatAnswer(const Bytes& bytes, const Image& image, const Found& found);
std::string FormatNone(const char* reason);

}  // namespace oximy::sites
