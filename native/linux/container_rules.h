#pragma once

#include <cstdint>
#include <vector>

namespace oximy {

/** What root's own connections in a container carry. Marks do not leave the namespace. */
constexpr uint32_t kGuestMark = 0x10780000;
/** What a connection carries that tries the rules out before they are for all. */
constexpr uint32_t kTrialMark = 0x10780001;

struct ContainerRules {
  /** None: nothing is redirected, and what is left is that QUIC is rejected. */
  std::vector<uint16_t> ports;
  uint16_t listener_port = 0;
  bool allow_quic = false;
  /** In a table of their own, for nothing but connections with kTrialMark: whatever comes of it, all others go directly. */
  bool trial = false;
};

/**
 * Installs the rules of redirect-linux-rules.sh in the network namespace that the netlink socket was made in; but that
 * every mark is left alone, and ours is by one, and that there is no bridge there. They last as long as the socket.
 * 0 or errno.
 */
int InstallContainerRules(int netlink, const ContainerRules& rules);

/** What keeps live connections translated without those rules: see `nft_keep_rules` there. 0 or errno. */
int InstallKeepRules(int netlink);

}  // namespace oximy
