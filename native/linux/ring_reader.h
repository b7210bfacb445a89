#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "unique_fd.h"

namespace oximy {

/** Reads a BPF ring buffer (kernel's Documentation/bpf/ringbuf). For one thread. */
class RingReader {
 public:
  /** Takes ownership of the map; `size` is its max_entries: bytes, a power of two. Check with `ok()`. */
  RingReader(UniqueFd map, size_t size);
  ~RingReader();
  RingReader(const RingReader&) = delete;
  RingReader& operator=(const RingReader&) = delete;

  bool ok() const { return consumer_ != nullptr && producer_ != nullptr; }
  int fd() const { return map_.get(); }
  /** Passes every waiting entry to `take`; the bytes are valid during the call only. */
  void Drain(const std::function<void(const uint8_t* data, size_t size)>& take);

 private:
  UniqueFd map_;
  size_t size_;
  size_t page_;
  /** The page that we write: our read position. */
  unsigned long* consumer_ = nullptr;
  /** The page that the kernel writes, followed by the data, mapped twice in a row so that no entry wraps. */
  const uint8_t* producer_ = nullptr;
};

}  // namespace oximy
