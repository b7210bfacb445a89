#pragma once

namespace oximy {

/** What a route watch has reported since it was read last. */
struct RouteReports {
  /** Where packets can go: links, addresses, routes. */
  bool ways = false;
  /** A network has been joined to this one, or left it: that of a container, for one. */
  bool networks = false;
};

/** A socket that receives such reports for the network that the calling thread is in; -1 and errno on failure. */
int OpenRouteWatch();
/** After an overflow (ENOBUFS) everything counts as reported. */
RouteReports TakeRouteReports(int watch);

}  // namespace oximy
