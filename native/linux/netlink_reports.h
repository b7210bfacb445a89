#pragma once

#include <linux/netlink.h>

#include <functional>

namespace oximy {

/**
 * Passes the messages that wait in a netlink socket to `take`, a bounded number of datagrams per call, until it returns false:
 * the rest of that datagram is dropped, others stay. True after an overflow of the socket (ENOBUFS).
 */
bool TakeNetlinkReports(int watch, const std::function<bool(const nlmsghdr&)>& take);

}  // namespace oximy
