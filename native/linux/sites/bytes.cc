#include "linux/sites/bytes.h"

#include <unistd.h>

#include <cerrno>

namespace oximy::sites {

bool FileBytes::Read(uint64_t offset, void* to, size_t size) const {
  if (!Has(offset, size)) return false;
  auto* at = static_cast<uint8_t*>(to);
  while (size > 0) {
    const ssize_t got = pread(fd_, at, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    offset += static_cast<uint64_t>(got);
    size -= static_cast<size_t>(got);
  }
  return true;
}

}  // namespace oximy::sites
