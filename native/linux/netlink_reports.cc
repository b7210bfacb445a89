#include "linux/netlink_reports.h"

#include <sys/socket.h>
#include <sys/types.h>

#include <cerrno>
#include <cstdint>

namespace oximy {
namespace {

/** Datagrams per call; the next call takes more. */
constexpr int kMostDatagrams = 32;

}  // namespace

bool TakeNetlinkReports(int watch, const std::function<bool(const nlmsghdr&)>& take) {
  for (int i = 0; i < kMostDatagrams; i++) {
    alignas(nlmsghdr) uint8_t datagram[16384];
    const ssize_t size = recv(watch, datagram, sizeof datagram, MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return errno == ENOBUFS;
    auto left = static_cast<uint32_t>(size);
    for (auto* header = reinterpret_cast<nlmsghdr*>(datagram); NLMSG_OK(header, left);
         header = NLMSG_NEXT(header, left)) {
      if (!take(*header)) return false;
    }
  }
  return false;
}

}  // namespace oximy
