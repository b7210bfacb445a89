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

/** Pending reports, or the callback that waits for the next. Thread-safe. */
class ReportBox {
 public:
  void Add(const NetworkReports& reports);
  /** Calls it at once if reports are pending. */
  void Await(std::function<void(NetworkReports)> done);

 private:
  std::mutex lock_;
  NetworkReports reports_;
  std::function<void(NetworkReports)> done_;
};

/**
 * The kernel's reports of new networks: of those with a link to this one by that link, of all others by their first socket.
 * Each descriptor is readable when there is something to take, and -1 if it could not be opened.
 */
class NetworkWatch {
 public:
  /** @param own_network SO_NETNS_COOKIE of the one that the calling thread is in */
  explicit NetworkWatch(uint64_t own_network);

  /** What could not be opened, and why; else empty. */
  const std::string& failure() const { return failure_; }
  int routes() const { return routes_.get(); }
  int sockets() const { return sockets_ ? sockets_->fd() : -1; }
  /** Not thread-safe. */
  NetworkReports TakeRoutes();
  NetworkReports TakeSockets();

 private:
  std::string failure_;
  UniqueFd routes_;
  std::unique_ptr<FirstSockets> sockets_;
};

}  // namespace oximy
