#include "linux/sites/labels.h"

#include <algorithm>

namespace oximy::sites {

std::optional<size_t> LabelAt(const Program& program, uint64_t address, bool ended) {
  const auto inside = [&](const Segment& s) {
    return !s.writable && address >= s.address && address - s.address < s.size;
  };
  const auto& segments = program.image.segments;
  const auto segment = std::find_if(segments.begin(), segments.end(), inside);
  if (segment == segments.end()) return std::nullopt;
  char text[40];
  const uint64_t size = std::min<uint64_t>(sizeof text, segment->size - (address - segment->address));
  if (!program.bytes.Read(segment->offset + (address - segment->address), text, size)) return std::nullopt;
  const std::string_view found(text, size);
  for (size_t i = 0; i < kLabelCount; i++) {
    const size_t length = kLabels[i].size();
    if (found.substr(0, length) != kLabels[i]) continue;
    if (!ended || (found.size() > length && found[length] == '\0')) return i;
  }
  return std::nullopt;
}

}  // namespace oximy::sites
