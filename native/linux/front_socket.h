#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "endpoint.h"

namespace oximy {

using Clock = std::chrono::steady_clock;

/** Owns a file descriptor. */
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.Release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) Reset(other.Release());
    return *this;
  }
  ~Descriptor() { Reset(-1); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }
  void Reset(int fd) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

/** An endpoint as the socket calls take it. */
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  SocketAddress() = default;
  explicit SocketAddress(const Endpoint& endpoint);
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  Endpoint ToEndpoint() const;
};

/** The socket's own address. */
Endpoint LocalEndpoint(int fd);

/** The next close of this socket sends a reset and drops unsent bytes. Never for a socket that is shared. */
void CloseWillReset(int fd);

}  // namespace oximy
