#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "linux/container_rules_thread.h"
#include "socket_owner.h"
#include "unique_fd.h"

namespace oximy {

/** Runs where all sockets are made in that network. The thread is for this alone: it never comes back. */
bool RunIn(int space, const std::function<void()>& work);

/** One network that is held, and what root has open in it. */
struct ContainerNetwork {
  /** In the network, where the calling thread is. Why it failed, or an empty text. */
  std::string OpenSockets();
  /** Whether the watch reported changes of rules that are not ours, or more than it could hold (ENOBUFS). */
  bool IsChangedByOthers() const;
  /** `sequence` identifies the answer. */
  std::optional<SocketOwner> FindOwner(const SocketTuple& tuple, uint32_t sequence) const;

  uint32_t id = 0;
  uint64_t cookie = 0;
  /** What its sockets are closed by last, after all that follows. */
  std::unique_ptr<ContainerRulesThread> rules;
  RuleAddresses addresses;
  UniqueFd space;
  UniqueFd diag;
  /** Reports every change of the rules of nf_tables there. */
  UniqueFd watch;
  /** Likewise of links, addresses and routes. */
  UniqueFd routes;
  std::atomic<bool> are_ways_changed{false};
  uint16_t port = 0;
  bool listens_on_six = false;

  /** For the proxy, until it has them. */
  UniqueFd keep;
  UniqueFd four;
  UniqueFd six;
};

}  // namespace oximy
