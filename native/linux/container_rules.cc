#include "linux/container_rules.h"

// Before the kernel's own headers, which define the same otherwise.
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <unistd.h>

#include <string>

#include "linux/nft_batch.h"

namespace oximy {
namespace {

using namespace std::string_literals;

constexpr uint8_t kFinSynRstAck = 0x17;
constexpr uint8_t kSyn = 0x02;
constexpr uint32_t kStateNew = 1 << 3;  // NF_CT_STATE_BIT(IP_CT_NEW)
const std::string kLoopback4 = "\x7f\x00\x00\x01"s;
const std::string kLoopback6 = std::string(15, '\0') + '\x01';

NftRule Tcp() {
  NftRule rule;
  rule.Meta8(NFT_META_L4PROTO, NFT_CMP_EQ, IPPROTO_TCP);
  return rule;
}

void LeaveAlone(NftBatch& batch, const char* chain, uint32_t mark) {
  NftRule marked;
  marked.Meta32(NFT_META_MARK, NFT_CMP_NEQ, mark).Return();
  batch.AddRule(chain, marked);
  for (const uint32_t type : {RTN_LOCAL, RTN_BROADCAST, RTN_MULTICAST}) {
    NftRule near;
    near.DestinationType(type).Return();
    batch.AddRule(chain, near);
  }
}

/** The first packet of a connection that `try` has redirected to loopback. */
NftRule Tried4(uint16_t port) {
  NftRule rule;
  rule.Meta8(NFT_META_NFPROTO, NFT_CMP_EQ, NFPROTO_IPV4)
      .Meta8(NFT_META_L4PROTO, NFT_CMP_EQ, IPPROTO_TCP)
      .TcpPort(port)
      .TcpFlags(kFinSynRstAck, NFT_CMP_EQ, kSyn)
      .Payload(NFT_PAYLOAD_NETWORK_HEADER, 16, NFT_CMP_EQ, kLoopback4)
      .OriginalDestination(NFT_CT_DST_IP, "\xff\x00\x00\x00"s, NFT_CMP_NEQ, "\x7f\x00\x00\x00"s);
  return rule;
}

NftRule Tried6(uint16_t port) {
  NftRule rule;
  rule.Meta8(NFT_META_NFPROTO, NFT_CMP_EQ, NFPROTO_IPV6)
      .Meta8(NFT_META_L4PROTO, NFT_CMP_EQ, IPPROTO_TCP)
      .TcpPort(port)
      .TcpFlags(kFinSynRstAck, NFT_CMP_EQ, kSyn)
      .Payload(NFT_PAYLOAD_NETWORK_HEADER, 24, NFT_CMP_EQ, kLoopback6)
      .OriginalDestination(NFT_CT_DST_IP6, std::string(16, '\xff'), NFT_CMP_NEQ, kLoopback6);
  return rule;
}

void AddRedirect(NftBatch& batch, const ContainerRules& rules, uint32_t mark) {
  batch.AddChain("try", "route", NF_INET_LOCAL_OUT, -104);
  batch.AddChain("bound", "route", NF_INET_LOCAL_OUT, -103);
  batch.AddChain("output", "nat", NF_INET_LOCAL_OUT, -100);

  NftRule later = Tcp();
  later.TcpFlags(kFinSynRstAck, NFT_CMP_NEQ, kSyn).Return();
  batch.AddRule("try", later);
  NftRule known;
  known.ConnectionState(NFT_CMP_NEQ, kStateNew).Return();
  batch.AddRule("try", known);
  LeaveAlone(batch, "try", mark);
  for (const uint16_t port : rules.ports) {
    NftRule four;
    four.Meta8(NFT_META_NFPROTO, NFT_CMP_EQ, NFPROTO_IPV4).Meta8(NFT_META_L4PROTO, NFT_CMP_EQ, IPPROTO_TCP);
    four.TcpPort(port).SetDestination4(kLoopback4);
    batch.AddRule("try", four);
    NftRule six;
    six.Meta8(NFT_META_NFPROTO, NFT_CMP_EQ, NFPROTO_IPV6).Meta8(NFT_META_L4PROTO, NFT_CMP_EQ, IPPROTO_TCP);
    six.TcpPort(port).SetDestination6(kLoopback6);
    batch.AddRule("try", six);
    // The largest segments over loopback, by its usual MTU of 65536; see redirect-linux-rules.sh.
    NftRule bound4 = Tried4(port);
    bound4.SegmentIsNot({536, 65495, 65496}).RestoreDestination4();
    batch.AddRule("bound", bound4);
    NftRule bound6 = Tried6(port);
    bound6.SegmentIsNot({536, 65475, 65476}).RestoreDestination6();
    batch.AddRule("bound", bound6);
    NftRule to4 = Tried4(port);
    to4.Redirect(rules.listener_port);
    batch.AddRule("output", to4);
    NftRule to6 = Tried6(port);
    to6.Redirect(rules.listener_port);
    batch.AddRule("output", to6);
  }
}

}  // namespace

int InstallContainerRules(int netlink, const ContainerRules& rules) {
  NftBatch batch(rules.trial ? "oximy_trial" : "oximy");
  const uint32_t mark = rules.trial ? kTrialMark : 0;
  batch.AddTable();
  if (!rules.ports.empty()) AddRedirect(batch, rules, mark);
  if (!rules.allow_quic && !rules.trial) {
    batch.AddChain("quic", "filter", NF_INET_LOCAL_OUT, 0);
    LeaveAlone(batch, "quic", mark);
    NftRule quic;
    quic.Meta8(NFT_META_L4PROTO, NFT_CMP_EQ, IPPROTO_UDP).TcpPort(443).Reject();
    batch.AddRule("quic", quic);
  }
  return batch.Send(netlink);
}

int InstallKeepRules(int netlink) {
  // A previous run may still have one, for connections that are still open.
  NftBatch batch("oximy_keep_" + std::to_string(getpid()));
  batch.AddTable();
  batch.AddChain("keep", "nat", NF_INET_LOCAL_OUT, 100);
  // Changes nothing, but requires connection tracking.
  NftRule tracks;
  tracks.ConnectionState(NFT_CMP_EQ, kStateNew).Return();
  batch.AddRule("keep", tracks);
  return batch.Send(netlink);
}

}  // namespace oximy
