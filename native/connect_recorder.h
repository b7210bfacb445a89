#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "endpoint.h"
#include "process_info.h"

namespace oximy {

/** A process and then its ancestors, nearest first. */
using ProcessChain = std::vector<std::shared_ptr<const ProcessInfo>>;

/** Who called connect(), recorded by the kernel at that moment. */
struct ConnectRecord {
  uint64_t cookie = 0;
  int pid = 0;
  uint32_t uid = 0;
  /** The kernel's short name of the thread that connected. */
  std::string name;
  /** The process and its ancestors as of connect(). Empty when it ended before they were read. */
  ProcessChain processes;
};

/** Which connections to record. */
struct WantedConnections {
  /** All when empty. */
  std::vector<uint16_t> ports;
  /** Processes of this group are not recorded: those whose connections nobody looks up. Below 2^31. */
  std::optional<uint32_t> unwanted_gid;
  /** Includes other network namespaces, except connections to their own loopback. */
  bool all_networks = false;
};

/** A connection of another network namespace, at its start. */
struct ForeignConnect {
  /** SO_NETNS_COOKIE. */
  uint64_t network = 0;
  int pid = 0;
  /** Nanoseconds since boot. */
  uint64_t boot_time = 0;
};

/**
 * Starts recording the outgoing TCP connections of this network namespace. Returns an empty string, or the reason why
 * it cannot. Nothing outlives the process: the kernel detaches with the last descriptor. Only an optimization, and
 * the memory of clients that have exited: everything works without it.
 */
std::string AttachConnectRecorder(const WantedConnections& wanted);
void DetachConnectRecorder();

/**
 * The record of the socket with this cookie; without a cookie (the kernel forgot a socket that was reset), of the
 * last socket with this tuple.
 */
std::optional<ConnectRecord> FindConnectRecord(const SocketTuple& tuple, std::optional<uint64_t> cookie);

/** Those since the last call, except our own; of too many the oldest. Empty unless all networks are recorded. */
std::vector<ForeignConnect> TakeForeignConnects();
/** An eventfd that becomes readable when there is something to take; one per process, never closed. */
int ForeignConnectsEvent();

}  // namespace oximy
