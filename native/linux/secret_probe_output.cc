#include "linux/secret_probe_output.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

namespace oximy {

SecretPage::SecretPage()
    : size_(static_cast<size_t>(sysconf(_SC_PAGESIZE))),
      data_(mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
  if (data_ == MAP_FAILED) {
    data_ = nullptr;
    return;
  }
  // Best effort: where locking is limited, swap is the lesser evil.
  static_cast<void>(mlock(data_, size_));
  madvise(data_, size_, MADV_DONTDUMP);
  madvise(data_, size_, MADV_DONTFORK);
}

SecretPage::~SecretPage() {
  if (data_ == nullptr) return;
  explicit_bzero(data_, size_);
  munmap(data_, size_);
}

bool SecretOutput::Flush() {
  auto& frames = *static_cast<Frames*>(page_.data());
  if (rest_size_ == 0) return true;
  auto* rest = reinterpret_cast<uint8_t*>(&frames.rest);
  const ssize_t sent = write(to_.get(), rest, rest_size_);
  if (sent <= 0) return false;
  rest_size_ -= static_cast<size_t>(sent);
  std::memmove(rest, rest + sent, rest_size_);
  explicit_bzero(rest + rest_size_, sizeof frames.rest - rest_size_);
  return rest_size_ == 0;
}

bool SecretOutput::Write(uint32_t watch, SecretLabel label, uint16_t flags, const uint8_t* secret, size_t length) {
  auto& frames = *static_cast<Frames*>(page_.data());
  if (length > sizeof frames.frame.secret || !Flush()) return false;
  frames.frame = {watch, label, static_cast<uint8_t>(length), flags, {}};
  std::memcpy(frames.frame.secret, secret, length);
  const ssize_t sent = write(to_.get(), &frames.frame, sizeof frames.frame);
  if (sent > 0 && static_cast<size_t>(sent) < sizeof frames.frame) {
    rest_size_ = sizeof frames.frame - static_cast<size_t>(sent);
    std::memcpy(&frames.rest, reinterpret_cast<uint8_t*>(&frames.frame) + sent, rest_size_);
  }
  explicit_bzero(&frames.frame, sizeof frames.frame);
  return sent > 0;
}

}  // namespace oximy
