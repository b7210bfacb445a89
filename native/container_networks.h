#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "endpoint.h"
#include "process_files.h"
#include "socket_owner.h"

namespace oximy {

struct ContainerNetworkOptions {
  /** TCP ports that are redirected. */
  std::vector<uint16_t> ports;
  /** False: UDP 443 is rejected, so that clients fall back from QUIC. */
  bool allow_quic = false;
};

/** What became of the wish to hold a network. Without an id there is an error. */
struct OpenedNetwork {
  uint32_t id = 0;
  std::string error;
};

/** What has come since it was asked last. */
struct NetworkReports {
  /** A network may have been made, joined to another one, or taken away. */
  bool networks = false;
  /** In one that is held, rules have changed, or where its packets can go. */
  bool changes = false;
  /** Connections of other networks wait (TakeForeignConnects). */
  bool connects = false;
};

/** What of a network that is held has changed. */
enum class NetworkChange { kNone, kWays, kRules };

/** Whom rules in a container are for: a connection that tries them out, or all. */
enum class RulesFor { kTrial, kAll };

/** Those whose connections are led to us. */
struct Families {
  bool ipv4 = false;
  bool ipv6 = false;
};

/**
 * The network namespaces of containers, as root holds them: a listener in each, which the proxy is given, the rules
 * that lead to it, and sockets for the proxy's connections to servers, made there, marked, and with the client's user.
 * Rules belong to a netlink socket of this process: the kernel removes them when it ends, however it ends.
 */
class ContainerNetworks {
 public:
  static bool Supported();
  /** Throws std::system_error. */
  static std::unique_ptr<ContainerNetworks> Start(const ContainerNetworkOptions& options);
  virtual ~ContainerNetworks() = default;

  /** Why the kernel does not report every new network; empty if it does. */
  virtual const std::string& WatchFailure() const = 0;
  /**
   * Calls `done` once, with the next reports: on a thread of ours, or at once if some are pending. One caller at a time. Never
   * called after the end.
   */
  virtual void AwaitReports(std::function<void(NetworkReports)> done) = 0;

  /** The proxy's end of the way that sockets take, for a process that is started now; -1 once closed. */
  virtual int ProxyEnd() const = 0;
  virtual void CloseProxyEnd() = 0;

  /** Holds the network of a process: never our own. The same id for one that is held already. No rules yet. */
  virtual OpenedNetwork Open(const ProcessRef& process) = 0;
  /** SO_NETNS_COOKIE, which no other network ever has; 0 for one that is not held. */
  virtual uint64_t Cookie(uint32_t id) = 0;
  /**
   * Those for all take the place of those for a trial. `done` is called on a thread of ours, with an empty text on success,
   * else with the reason. It takes as long as others change rules there; nothing else waits for that. It may not be called
   * after Close.
   */
  virtual void InstallRules(uint32_t id, RulesFor whom, std::function<void(std::string)> done) = 0;
  /**
   * Instead of rules: connections are led to the listener as they begin, where a firewall there lets nothing pass that
   * rules have turned. With those for all, UDP 443 is rejected by a rule, where that can be. An empty text, or why not.
   */
  virtual std::string Rewrite(uint32_t id, RulesFor whom, Families families) = 0;
  /** After what was asked before; likewise, it is not waited for. A rewrite ends at once. */
  virtual void RemoveRules(uint32_t id) = 0;
  /**
   * What has changed there since this was asked last. When somebody else has changed rules of nf_tables, ours were removed
   * in that moment, or will be: whether they still lead anywhere has to be tried again. Otherwise where packets can go.
   */
  virtual NetworkChange TakeChange(uint32_t id) = 0;
  /** Lets go of it. Connections that were accepted go on. */
  virtual void Close(uint32_t id) = 0;

  /** `remote` is where the client meant to go, wherever it was led. */
  virtual std::optional<SocketOwner> FindOwner(uint32_t id, const SocketTuple& tuple) = 0;
  /** A socket there like one of the container's own, or for a trial; or -1. The caller closes it. */
  virtual int OpenSocket(uint32_t id, Endpoint::Family family, RulesFor whom) = 0;
  /** Whether the network has a way to that address. */
  virtual bool HasRoute(uint32_t id, const Endpoint& to) = 0;
};

}  // namespace oximy
