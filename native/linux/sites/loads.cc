#include "linux/sites/loads.h"

#include <algorithm>

#include "linux/sites/byte_block.h"

namespace oximy::sites {
namespace {

constexpr size_t kMostLoads = 4096;

class Finder {
 public:
  Finder(const MemoryBytes& bytes, const Image& image, std::vector<uint64_t> wanted,
         const std::function<void(const Load&)>& take)
      : program_{bytes, image}, data_(bytes.data()), wanted_(std::move(wanted)), take_(take) {
    std::sort(wanted_.begin(), wanted_.end());
  }

  void Search(const Segment& segment) {
    if (program_.image.machine == Machine::kArm64) return SearchArm64(segment);
    SearchLea(segment);
    if (program_.image.fixed && wanted_.front() <= UINT32_MAX) SearchMov(segment);
  }

 private:
  bool Wants(uint64_t target) const {
    return target >= wanted_.front() && target <= wanted_.back() &&
           std::binary_search(wanted_.begin(), wanted_.end(), target);
  }

  void Offer(uint64_t first, uint64_t last) {
    if (found_ == kMostLoads) return;
    const auto load = LoadAt(program_, first, last);
    if (!load || !Wants(load->target)) return;
    found_++;
    take_(*load);
  }

  /** REX.W lea reg,[rip+x]: 48 or 4c, 8d, 05 to 3d by eights. */
  void SearchLea(const Segment& segment) {
    const uint8_t* code = data_ + segment.offset;
    const auto likely = [](const uint8_t* p) {
      return ByteBlock(((BlockAt(p) & 0xfb) == 0x48) & (BlockAt(p + 1) == 0x8d) & ((BlockAt(p + 2) & 0xc7) == 0x05));
    };
    const auto exact = [](const uint8_t* p) { return (p[0] & 0xfb) == 0x48 && p[1] == 0x8d && (p[2] & 0xc7) == 0x05; };
    ScanBytes(code, segment.size, 6, likely, exact, [&](size_t at) {
      const uint64_t address = segment.address + at;
      if (Wants(address + 7 + static_cast<uint64_t>(int64_t{ValueAt<int32_t>(code + at + 3)}))) Offer(address, address);
    });
  }

  /** mov reg32,imm32: b8 to bf. The addresses mostly share their highest byte. */
  void SearchMov(const Segment& segment) {
    const uint8_t* code = data_ + segment.offset;
    const auto low = static_cast<uint8_t>(wanted_.front() >> 24);
    const auto high = static_cast<uint8_t>(std::min<uint64_t>(wanted_.back(), UINT32_MAX) >> 24);
    const auto likely = [=](const uint8_t* p) {
      const ByteBlock top = BlockAt(p + 4);
      return ByteBlock(((BlockAt(p) & 0xf8) == 0xb8) & (top >= low) & (top <= high));
    };
    const auto exact = [](const uint8_t* p) { return (p[0] & 0xf8) == 0xb8; };
    ScanBytes(code, segment.size, 4, likely, exact, [&](size_t at) {
      if (Wants(ValueAt<uint32_t>(code + at + 1))) Offer(segment.address + at, segment.address + at);
    });
  }

  void SearchArm64(const Segment& segment) {
    const uint8_t* code = data_ + segment.offset;
    const uint64_t low = wanted_.front() & ~uint64_t{0xfff};
    for (uint64_t at = (4 - segment.address % 4) % 4; at + 4 <= segment.size && found_ < kMostLoads; at += 4) {
      const auto word = ValueAt<uint32_t>(code + at);
      if ((word & 0x1f000000) != 0x10000000) continue;
      const uint64_t address = segment.address + at;
      const auto page = AdrpPage(word, address);
      if (!page) Offer(address, address);
      if (page && *page >= low && *page <= wanted_.back()) SearchAdds(segment, at, word & 31);
    }
  }

  /** The `add`s to the register of an adrp, until it is reloaded. */
  void SearchAdds(const Segment& segment, uint64_t adrp, uint32_t reg) {
    const uint64_t end = std::min(segment.size - 4, adrp + kAdrpReach);
    for (uint64_t at = adrp + 4; at <= end; at += 4) {
      const auto word = ValueAt<uint32_t>(data_ + segment.offset + at);
      if ((word & 0x9f00001f) == (0x90000000 | reg)) return;
      if ((word & 0xffc003e0) != (0x91000000 | reg << 5)) continue;
      Offer(segment.address + adrp, segment.address + at);
      if ((word & 31) == reg) return;
    }
  }

  const Program program_;
  const uint8_t* data_;
  std::vector<uint64_t> wanted_;
  const std::function<void(const Load&)>& take_;
  size_t found_ = 0;
};

}  // namespace

void FindLoads(const MemoryBytes& bytes, const Image& image, std::vector<uint64_t> wanted, Budget& budget,
               const std::function<void(const Load&)>& take) {
  if (wanted.empty()) return;
  Finder finder(bytes, image, std::move(wanted), take);
  for (const auto& segment : image.segments) {
    if (segment.executable && segment.size >= 4 && budget.Take(segment.size)) finder.Search(segment);
  }
}

}  // namespace oximy::sites
