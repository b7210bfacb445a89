#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

/** Bytes written at explicit offsets, so that a fixture does not share the layouts of the code under test. */
class Bytes {
 public:
  explicit Bytes(size_t size) : bytes_(size) {}

  template <typename T>
  Bytes& Host(size_t offset, T value) {
    std::memcpy(bytes_.data() + offset, &value, sizeof value);
    return *this;
  }
  Bytes& Network16(size_t offset, uint16_t value) {
    bytes_[offset] = static_cast<uint8_t>(value >> 8);
    bytes_[offset + 1] = static_cast<uint8_t>(value);
    return *this;
  }
  Bytes& Raw(size_t offset, const std::vector<uint8_t>& value) {
    std::copy(value.begin(), value.end(), bytes_.begin() + static_cast<long>(offset));
    return *this;
  }
  Bytes& Append(const Bytes& other) {
    bytes_.insert(bytes_.end(), other.bytes_.begin(), other.bytes_.end());
    return *this;
  }
  /** Fills up to a multiple of 8. */
  Bytes& Align() {
    bytes_.resize((bytes_.size() + 7) & ~size_t{7});
    return *this;
  }
  const uint8_t* data() const { return bytes_.data(); }
  size_t size() const { return bytes_.size(); }

 private:
  std::vector<uint8_t> bytes_;
};
