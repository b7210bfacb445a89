#pragma once

#include <cstddef>
#include <cstdint>

namespace oximy::preload {

/** A short text in a fixed buffer; what does not fit is dropped. */
class Text {
 public:
  void Add(const char* text) {
    for (; *text != 0; text++) Add(*text);
  }

  /** @param address in network order, as in `in_addr` */
  void AddV4(uint32_t address) {
    const auto* const bytes = reinterpret_cast<const uint8_t*>(&address);
    for (int i = 0; i < 4; i++) {
      if (i > 0) Add('.');
      AddNumber(bytes[i], 10);
    }
  }

  /** All groups, in brackets (RFC 3986 §3.2.2). */
  void AddV6(const uint8_t (&address)[16]) {
    Add('[');
    for (int i = 0; i < 16; i += 2) {
      if (i > 0) Add(':');
      AddNumber(static_cast<uint32_t>(address[i] << 8 | address[i + 1]), 16);
    }
    Add(']');
  }

  const char* bytes() const { return bytes_; }
  size_t size() const { return size_; }

 private:
  void Add(char letter) {
    if (size_ < sizeof bytes_) bytes_[size_++] = letter;
  }

  void AddNumber(uint32_t number, uint32_t base) {
    if (number >= base) AddNumber(number / base, base);
    Add("0123456789abcdef"[number % base]);
  }

  char bytes_[256];
  size_t size_ = 0;
};

/** The length of an HTTP message head including its empty line; 0 while incomplete. */
inline size_t HeadLength(const char* bytes, size_t size) {
  for (size_t i = 3; i < size; i++) {
    if (bytes[i - 3] == '\r' && bytes[i - 2] == '\n' && bytes[i - 1] == '\r' && bytes[i] == '\n') return i + 1;
  }
  return 0;
}

/** Whether the head is of a response that grants the tunnel (RFC 9110 §9.3.6): 2xx. */
inline bool IsEstablished(const char* head, size_t size) {
  constexpr char kStart[] = "HTTP/1.1 2";
  for (size_t i = 0; i < sizeof kStart - 1; i++) {
    if (i >= size || head[i] != kStart[i]) return false;
  }
  return true;
}

}  // namespace oximy::preload
