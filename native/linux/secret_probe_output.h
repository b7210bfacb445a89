#pragma once

#include <cstddef>

#include "secret_probes.h"
#include "unique_fd.h"

namespace oximy {

/** One page that is never swapped out or dumped, and wiped before it is freed. */
class SecretPage {
 public:
  SecretPage();
  ~SecretPage();
  SecretPage(const SecretPage&) = delete;
  SecretPage& operator=(const SecretPage&) = delete;

  /** Null when allocation failed. */
  void* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  size_t size_;
  void* data_;
};

/** Writes frames to a descriptor that may have no reader, without ever blocking. For one thread. */
class SecretOutput {
 public:
  explicit SecretOutput(UniqueFd to) : to_(std::move(to)) {}

  bool ok() const { return page_.data() != nullptr; }
  /** False if there was no room and the frame was dropped. `length` is at most 64; the secret is copied once and wiped. */
  bool Write(uint32_t watch, SecretLabel label, uint16_t flags, const uint8_t* secret, size_t length);

 private:
  /** Both lie in the page. The rest of a partially written frame is sent before the next one. */
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
