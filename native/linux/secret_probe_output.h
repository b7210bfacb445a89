#pragma once

#include <cstddef>

#include "secret_probes.h"
#include "unique_fd.h"

namespace oximy {

/** One page that is never swapped out or dumped, and wiped before it is given back. */
class SecretPage {
 public:
  SecretPage();
  ~SecretPage();
  SecretPage(const SecretPage&) = delete;
  SecretPage& operator=(const SecretPage&) = delete;

  /** Null when there was no memory. */
  void* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  size_t size_;
  void* data_;
};

/** Writes frames to a descriptor that nobody may read from, without ever waiting. For one thread. */
class SecretOutput {
 public:
  explicit SecretOutput(UniqueFd to) : to_(std::move(to)) {}

  bool ok() const { return page_.data() != nullptr; }
  /** False when there was no room: the frame is dropped. `length` is at most 64; the secret is copied once and wiped. */
  bool Write(uint32_t watch, SecretLabel label, uint16_t flags, const uint8_t* secret, size_t length);

 private:
  /** Both lie in the page. What a stream took only in part is sent on before the next frame. */
  struct Frames {
    SecretFrame frame;
    SecretFrame rest;
  };

  bool Flush();

  UniqueFd to_;
  SecretPage page_;
  size_t rest_size_ = 0;
};

}  // namespace oximy
