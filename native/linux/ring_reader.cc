#include "linux/ring_reader.h"

#include <sys/mman.h>

namespace oximy {
namespace {

// <linux/bpf.h>: the first word of an entry is its length with two flags on top.
constexpr uint32_t kBusy = 1u << 31;
constexpr uint32_t kDiscarded = 1u << 30;
constexpr size_t kHeaderSize = 8;

size_t RoundUp8(size_t size) { return (size + 7) & ~size_t{7}; }

}  // namespace

RingReader::RingReader(UniqueFd map, size_t size)
    : map_(std::move(map)), size_(size), page_(static_cast<size_t>(sysconf(_SC_PAGESIZE))) {
  void* consumer = mmap(nullptr, page_, PROT_READ | PROT_WRITE, MAP_SHARED, map_.get(), 0);
  if (consumer != MAP_FAILED) consumer_ = static_cast<unsigned long*>(consumer);
  void* producer = mmap(nullptr, page_ + 2 * size_, PROT_READ, MAP_SHARED, map_.get(), static_cast<off_t>(page_));
  if (producer != MAP_FAILED) producer_ = static_cast<const uint8_t*>(producer);
}

RingReader::~RingReader() {
  if (consumer_) munmap(consumer_, page_);
  if (producer_) munmap(const_cast<uint8_t*>(producer_), page_ + 2 * size_);
}

void RingReader::Drain(const std::function<void(const uint8_t*, size_t)>& take) {
  unsigned long position = __atomic_load_n(consumer_, __ATOMIC_ACQUIRE);
  while (position < __atomic_load_n(reinterpret_cast<const unsigned long*>(producer_), __ATOMIC_ACQUIRE)) {
    const uint8_t* entry = producer_ + page_ + (position & (size_ - 1));
    const uint32_t header = __atomic_load_n(reinterpret_cast<const uint32_t*>(entry), __ATOMIC_ACQUIRE);
    if (header & kBusy) return;  // still being written: the kernel wakes us again
    const size_t length = header & ~(kBusy | kDiscarded);
    if (!(header & kDiscarded)) take(entry + kHeaderSize, length);
    position += RoundUp8(kHeaderSize + length);
    __atomic_store_n(consumer_, position, __ATOMIC_RELEASE);
  }
}

}  // namespace oximy
