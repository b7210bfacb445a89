#include "linux/network_watch.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "linux/route_watch.h"

namespace oximy {

void NewsBox::Add(const NetworkNews& news) {
  if (!news.networks && !news.changes && !news.connects) return;
  std::function<void(NetworkNews)> told;
  NetworkNews all;
  {
    const std::lock_guard<std::mutex> guard(lock_);
    news_.networks |= news.networks;
    news_.changes |= news.changes;
    news_.connects |= news.connects;
    if (!told_) return;
    told = std::exchange(told_, nullptr);
    all = std::exchange(news_, {});
  }
  told(all);
}

void NewsBox::Await(std::function<void(NetworkNews)> told) {
  NetworkNews missed;
  {
    const std::lock_guard<std::mutex> guard(lock_);
    told_ = std::move(told);
    missed = std::exchange(news_, {});
  }
  Add(missed);
}

NetworkWatch::NetworkWatch(uint64_t own_network) : routes_(OpenRouteWatch()) {
  if (!routes_) failure_ = std::string("NETLINK_ROUTE: ") + std::strerror(errno);
  sockets_ = FirstSockets::Attach(own_network, failure_);
}

NetworkNews NetworkWatch::TakeRoutes() {
  NetworkNews news;
  news.networks = TakeRouteNews(routes_.get()).networks;
  return news;
}

NetworkNews NetworkWatch::TakeSockets() {
  NetworkNews news;
  news.networks = sockets_->Take();
  return news;
}

}  // namespace oximy
