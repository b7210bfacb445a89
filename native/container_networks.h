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

  /** The proxy's end of the way that sockets take, for a process that is started now; -1 once closed. */
  virtual int ProxyEnd() const = 0;
  virtual void CloseProxyEnd() = 0;

  /** Holds the network of a process: never our own. The same id for one that is held already. No rules yet. */
  virtual OpenedNetwork Open(const ProcessRef& process) = 0;
  /** SO_NETNS_COOKIE, which no other network ever has; 0 for one that is not held. */
  virtual uint64_t Cookie(uint32_t id) = 0;
  /**
   * Those for all take the place of those for a trial. `done` is told an empty text, or why not, on a thread of ours. It
   * takes as long as others change rules there; nothing else waits for that. After Close nothing may be told any more.
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
   * Whether somebody else has changed the rules of nf_tables there since this was asked last. Ours were removed in that
   * moment, or will be: whether they still lead anywhere has to be tried again.
   */
  virtual bool TakeChanged(uint32_t id) = 0;
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
