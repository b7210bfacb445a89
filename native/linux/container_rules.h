#pragma once

#include <cstdint>
#include <vector>

namespace oximy {

/** The mark of root's own connections in a container. Marks do not leave the namespace. */
constexpr uint32_t kGuestMark = 0x10780000;
/** The mark of a trial connection, made before the rules apply to all. */
constexpr uint32_t kTrialMark = 0x10780001;

struct ContainerRules {
  /** Empty: nothing is redirected, only QUIC is rejected. */
  std::vector<uint16_t> ports;
  uint16_t listener_port = 0;
  bool allow_quic = false;
  /** In a separate table, only for connections with kTrialMark: whatever the result, all others connect directly. */
  bool trial = false;
};

/**
 * Installs the rules of redirect-linux-rules.sh in the network namespace that the netlink socket was created in, with
 * two differences: every mark is left alone (ours is one of them), and there is no bridge. They last as long as the
 * socket. Returns 0 or errno.
 */
int InstallContainerRules(int netlink, const ContainerRules& rules);

/** Keeps live connections translated without those rules: see `nft_keep_rules` there. Returns 0 or errno. */
int InstallKeepRules(int netlink);

}  // namespace oximy
