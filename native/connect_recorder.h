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

/** Who called connect(), written down by the kernel in that very moment. */
struct ConnectRecord {
  uint64_t cookie = 0;
  int pid = 0;
  uint32_t uid = 0;
  /** The kernel's short name of the thread that connected. */
  std::string name;
  /** The process and its ancestors as they were at connect(). Empty when it had ended before they were read. */
  ProcessChain processes;
};

/** Which connections are worth a record. */
struct WantedConnections {
  /** All when empty. */
  std::vector<uint16_t> ports;
  /** Processes of this group are not: those whose connections nobody asks about. Below 2^31. */
  std::optional<uint32_t> unwanted_gid;
  /** Those of other network namespaces too, but for what goes to their own loopback. */
  bool all_networks = false;
};

/** A connection of another network namespace, as it began. */
struct ForeignConnect {
  /** SO_NETNS_COOKIE. */
  uint64_t network = 0;
  int pid = 0;
  /** Nanoseconds since boot. */
  uint64_t boot_time = 0;
};

/**
 * Starts to record the outgoing TCP connections of this network namespace. Returns why it cannot, or an empty
 * string. Nothing outlives the process: the kernel detaches with the last descriptor. Only an accelerator, and the
 * memory of clients that are gone by now: all works without it.
 */
std::string AttachConnectRecorder(const WantedConnections& wanted);
void DetachConnectRecorder();

/**
 * The record of the socket with this cookie; without a cookie (the kernel forgot a socket that was reset), of the
 * last socket with this tuple.
 */
std::optional<ConnectRecord> FindConnectRecord(const SocketTuple& tuple, std::optional<uint64_t> cookie);

/** Those since the last call, but for our own; of too many the oldest. Empty unless all networks are recorded. */
std::vector<ForeignConnect> TakeForeignConnects();
/** An eventfd that is written to when there is something to take again; of the whole process, and never closed. */
int ForeignConnectsEvent();

}  // namespace oximy
