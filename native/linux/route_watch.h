#pragma once

namespace oximy {

/** What a route watch was told since it was read last. */
struct RouteNews {
  /** Where packets can go: links, addresses, routes. */
  bool ways = false;
  /** A network has been joined to this one, or left it: that of a container, for one. */
  bool networks = false;
};

/** A socket that is told of such changes of the network that the thread is in. Without descriptor: errno. */
int OpenRouteWatch();
/** What cannot be told for sure, since too much has come (ENOBUFS), counts as news. */
RouteNews TakeRouteNews(int watch);

}  // namespace oximy
