#include "linux/route_watch.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstdint>

#include "linux/netlink_reports.h"
#include "unique_fd.h"

namespace oximy {
namespace {

// Of <linux/rtnetlink.h> and <linux/if_link.h>, which older headers do not have.
constexpr int kGroupNetworkIds = 28;  // RTNLGRP_NSID, Linux 4.6
constexpr int kGroups[] = {RTNLGRP_LINK,       RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
                           RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE,   RTNLGRP_IPV6_RULE,   kGroupNetworkIds};
constexpr uint16_t kNewNetworkId = 88;     // RTM_NEWNSID
constexpr uint16_t kDeleteNetworkId = 89;  // RTM_DELNSID
/** The network that a link's other end is in, or that it was moved to. */
constexpr uint16_t kPeerNetwork = 37;   // IFLA_LINK_NETNSID
constexpr uint16_t kMovedNetwork = 45;  // IFLA_NEW_NETNSID

bool NamesNetwork(const nlmsghdr* header) {
  if (header->nlmsg_len < NLMSG_LENGTH(sizeof(ifinfomsg))) return false;
  auto* const link = static_cast<ifinfomsg*>(NLMSG_DATA(const_cast<nlmsghdr*>(header)));
  auto left = static_cast<int>(IFLA_PAYLOAD(header));
  for (auto* attribute = IFLA_RTA(link); RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
    if (attribute->rta_type == kPeerNetwork || attribute->rta_type == kMovedNetwork) return true;
  }
  return false;
}

void Note(const nlmsghdr* header, RouteReports& reports) {
  switch (header->nlmsg_type) {
    case kNewNetworkId:
    case kDeleteNetworkId:
      reports.networks = true;
      return;
    case RTM_NEWLINK:
    case RTM_DELLINK:
      reports.networks |= NamesNetwork(header);
      break;
    default:
      break;
  }
  reports.ways = true;
}

}  // namespace

int OpenRouteWatch() {
  UniqueFd watch(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!watch) return -1;
  // Without an address (port id 0) the kernel takes it for the sender of its own reports, and skips it.
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (bind(watch.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return -1;
  for (const int group : kGroups) {
    if (setsockopt(watch.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) return -1;
  }
  return watch.release();
}

RouteReports TakeRouteReports(int watch) {
  RouteReports reports;
  const bool overflowed = TakeNetlinkReports(watch, [&](const nlmsghdr& header) {
    Note(&header, reports);
    return true;
  });
  return overflowed ? RouteReports{true, true} : reports;
}

}  // namespace oximy
