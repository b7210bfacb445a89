#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

namespace oximy::sites {

/** A file's untrusted content: every read reports whether it is in bounds. */
class Bytes {
 public:
  explicit Bytes(uint64_t size) : size_(size) {}
  virtual ~Bytes() = default;

  uint64_t size() const { return size_; }
  bool Has(uint64_t offset, uint64_t size) const { return offset <= size_ && size <= size_ - offset; }

  /** False, with `to` undefined, when part of it is out of bounds or cannot be read. */
  virtual bool Read(uint64_t offset, void* to, size_t size) const = 0;

  template <typename T>
  std::optional<T> Get(uint64_t offset) const {
    T value;
    if (!Read(offset, &value, sizeof value)) return std::nullopt;
    return value;
  }

 private:
  uint64_t size_;
};

/** Content that is entirely in memory. */
class MemoryBytes : public Bytes {
 public:
  MemoryBytes(const uint8_t* data, uint64_t size) : Bytes(size), data_(data) {}

  const uint8_t* data() const { return data_; }

  bool Read(uint64_t offset, void* to, size_t size) const override {
    if (!Has(offset, size)) return false;
    if (size > 0) std::memcpy(to, data_ + offset, size);
    return true;
  }

 private:
  const uint8_t* data_;
};

/**
 * Content read piece by piece: with a mapping, SIGBUS would end the process if somebody shortens the file, and a
 * private one shows the breakpoints that the kernel has put into it.
 */
class FileBytes : public Bytes {
 public:
  FileBytes(int fd, uint64_t size) : Bytes(size), fd_(fd) {}

  bool Read(uint64_t offset, void* to, size_t size) const override;

 private:
  int fd_;
};

template <typename T>
T ValueAt(const uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

}  // namespace oximy::sites
