#include "linux/sites/landmarks.h"

#include <algorithm>

#include "linux/sites/byte_block.h"
#include "linux/sites/go_table.h"
#include "linux/sites/labels.h"

namespace oximy::sites {
namespace {

constexpr size_t kMostLabels = 256, kMostTables = 16;
/** Both kinds of landmark are searched for in one piece of this size before the next, so memory is read only once. */
constexpr uint64_t kPiece = 64 * 1024;
/** Every label contains "_SECRET" or "_RANDOM": the underscore and what surrounds it. */
constexpr size_t kTail = 7;

class Finder {
 public:
  Finder(const MemoryBytes& bytes, const Image& image, Budget& budget)
      : program_{bytes, image}, data_(bytes.data()), budget_(budget) {}

  void Search(const Segment& segment) {
    for (uint64_t at = 0; at < segment.size; at += kPiece) {
      const uint64_t size = std::min(kPiece, segment.size - at);
      if (!budget_.Take(size)) return;
      if (!segment.executable) SearchTables(segment.offset + at, size);
      // A match may begin in this piece and end in the next.
      if (!segment.writable) SearchLabels(segment, at, std::min(size + kTail, segment.size - at));
    }
  }

  Landmarks found;

 private:
  void SearchTables(uint64_t offset, uint64_t size) {
    for (uint64_t at = (8 - offset % 8) % 8; at + 8 <= size; at += 8) {
      if (!IsGoTableHead(ValueAt<uint64_t>(data_ + offset + at), program_.image.machine)) continue;
      if (found.go_tables.size() < kMostTables) found.go_tables.push_back(offset + at);
    }
  }

  void SearchLabels(const Segment& segment, uint64_t start, uint64_t size) {
    const auto likely = [](const uint8_t* p) {
      const ByteBlock second = BlockAt(p + 1), last = BlockAt(p + 6);
      return ByteBlock((BlockAt(p) == '_') & ((second == 'S') | (second == 'R')) & ((last == 'T') | (last == 'M')));
    };
    const auto exact = [](const uint8_t* p) { return !std::memcmp(p, "_SECRET", 7) || !std::memcmp(p, "_RANDOM", 7); };
    ScanBytes(data_ + segment.offset + start, size, kTail - 1, likely, exact,
              [&](size_t at) { AddLabels(segment, start + at); });
  }

  /** `underscore`: position in the segment. */
  void AddLabels(const Segment& segment, uint64_t underscore) {
    for (size_t i = 0; i < kLabelCount; i++) {
      const auto tail = kLabels[i].rfind(i == kClientRandom ? "_RANDOM" : "_SECRET");
      if (underscore < tail || found.labels.size() == kMostLabels) continue;
      const uint64_t address = segment.address + underscore - tail;
      if (LabelAt(program_, address, false) != i) continue;
      found.labels.push_back({i, address, LabelAt(program_, address, true) == i});
    }
  }

  const Program program_;
  const uint8_t* data_;
  Budget& budget_;
};

}  // namespace

Landmarks FindLandmarks(const MemoryBytes& bytes, const Image& image, Budget& budget) {
  Finder finder(bytes, image, budget);
  for (const auto& segment : image.segments) {
    if (!segment.executable) finder.Search(segment);
  }
  if (finder.found.labels.empty()) {
    // Older linkers put constants and code into one segment.
    for (const auto& segment : image.segments) {
      if (segment.executable && !segment.writable) finder.Search(segment);
    }
  }
  return std::move(finder.found);
}

}  // namespace oximy::sites
