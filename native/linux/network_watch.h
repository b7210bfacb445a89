#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "container_networks.h"
#include "linux/first_sockets.h"
#include "unique_fd.h"

namespace oximy {

/** News that nobody has asked for yet, or who waits for the next. For all threads. */
class NewsBox {
 public:
  void Add(const NetworkNews& news);
  /** Called at once where there is news. */
  void Await(std::function<void(NetworkNews)> told);

 private:
  std::mutex lock_;
  NetworkNews news_;
  std::function<void(NetworkNews)> told_;
};

/**
 * Where the kernel tells of networks that are made: those with a link to this one by that link, all others by their first
 * socket. Each descriptor is readable when there is something to take, and -1 where it could not be had.
 */
class NetworkWatch {
 public:
  /** @param own_network SO_NETNS_COOKIE of the one that the calling thread is in */
  explicit NetworkWatch(uint64_t own_network);

  /** What it could not get, and why; or empty. */
  const std::string& failure() const { return failure_; }
  int routes() const { return routes_.get(); }
  int sockets() const { return sockets_ ? sockets_->fd() : -1; }
  /** For one thread. */
  NetworkNews TakeRoutes();
  NetworkNews TakeSockets();

 private:
  std::string failure_;
  UniqueFd routes_;
  std::unique_ptr<FirstSockets> sockets_;
};

}  // namespace oximy
