#include "linux/network_watch.h"

#include <utility>

#include "linux/errno_text.h"
#include "linux/route_watch.h"

namespace oximy {

void ReportBox::Add(const NetworkReports& reports) {
  if (!reports.networks && !reports.changes && !reports.connects) return;
  std::function<void(NetworkReports)> done;
  NetworkReports all;
  {
    const std::lock_guard<std::mutex> guard(lock_);
    reports_.networks |= reports.networks;
    reports_.changes |= reports.changes;
    reports_.connects |= reports.connects;
    if (!done_) return;
    done = std::exchange(done_, nullptr);
    all = std::exchange(reports_, {});
  }
  done(all);
}

void ReportBox::Await(std::function<void(NetworkReports)> done) {
  NetworkReports missed;
  {
    const std::lock_guard<std::mutex> guard(lock_);
    done_ = std::move(done);
    missed = std::exchange(reports_, {});
  }
  Add(missed);
}

NetworkWatch::NetworkWatch(uint64_t own_network) : routes_(OpenRouteWatch()) {
  if (!routes_) failure_ = ErrnoText("NETLINK_ROUTE");
  sockets_ = FirstSockets::Attach(own_network, failure_);
}

NetworkReports NetworkWatch::TakeRoutes() {
  NetworkReports reports;
  reports.networks = TakeRouteReports(routes_.get()).networks;
  return reports;
}

NetworkReports NetworkWatch::TakeSockets() {
  NetworkReports reports;
  reports.networks = sockets_->Take();
  return reports;
}

}  // namespace oximy
