#include "linux/nft_batch.h"

// Before the kernel's own headers, which define the same otherwise.
#include <arpa/inet.h>
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace oximy {
namespace {

constexpr uint32_t kRegister = NFT_REG_1;
/** NFT_TABLE_F_OWNER, Linux 5.12: the table is removed with the netlink socket that created it. */
constexpr uint32_t kOwner = 0x2;
constexpr size_t kAnswerBytes = 16384;

std::string Raw(const void* data, size_t size) { return std::string(static_cast<const char*>(data), size); }

/** In network order, as are all numbers in nf_tables attributes. */
std::string Big32(uint32_t value) {
  const uint32_t ordered = htonl(value);
  return Raw(&ordered, sizeof ordered);
}

std::string Big16(uint16_t value) {
  const uint16_t ordered = htons(value);
  return Raw(&ordered, sizeof ordered);
}

template <typename T>
std::string Native(T value) {
  return Raw(&value, sizeof value);
}

std::string Attribute(uint16_t type, std::string_view value) {
  const nlattr header{static_cast<uint16_t>(NLA_HDRLEN + value.size()), type};
  std::string bytes = Raw(&header, sizeof header);
  bytes += value;
  bytes.resize(NLA_ALIGN(bytes.size()), '\0');
  return bytes;
}

std::string Nested(uint16_t type, const std::string& attributes) {
  return Attribute(static_cast<uint16_t>(type | NLA_F_NESTED), attributes);
}

/** NUL-terminated, as the kernel's policy for strings requires. */
std::string Text(uint16_t type, std::string_view text) {
  std::string value(text);
  value.push_back('\0');
  return Attribute(type, value);
}

std::string Number(uint16_t type, uint32_t value) { return Attribute(type, Big32(value)); }

std::string Value(uint16_t type, std::string_view value) { return Nested(type, Attribute(NFTA_DATA_VALUE, value)); }

std::string Verdict(int32_t code) {
  const std::string verdict = Number(NFTA_VERDICT_CODE, static_cast<uint32_t>(code));
  return Number(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT) + Nested(NFTA_IMMEDIATE_DATA, Nested(NFTA_DATA_VERDICT, verdict));
}

std::string Header(uint16_t type, uint16_t flags, uint32_t sequence, uint8_t family, uint16_t resource,
                   const std::string& attributes) {
  nlmsghdr header{};
  header.nlmsg_len = static_cast<uint32_t>(NLMSG_LENGTH(sizeof(nfgenmsg)) + attributes.size());
  header.nlmsg_type = type;
  header.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
  header.nlmsg_seq = sequence;
  nfgenmsg generic{};
  generic.nfgen_family = family;
  generic.version = NFNETLINK_V0;
  generic.res_id = htons(resource);
  std::string bytes = Raw(&header, sizeof header) + Raw(&generic, sizeof generic) + attributes;
  bytes.resize(NLMSG_ALIGN(bytes.size()), '\0');
  return bytes;
}

}  // namespace

NftRule& NftRule::Add(std::string_view name, const std::string& attributes) {
  bytes_ += Nested(NFTA_LIST_ELEM, Text(NFTA_EXPR_NAME, name) + Nested(NFTA_EXPR_DATA, attributes));
  return *this;
}

NftRule& NftRule::Compare(nft_cmp_ops op, std::string_view value) {
  return Add("cmp", Number(NFTA_CMP_SREG, kRegister) + Number(NFTA_CMP_OP, op) + Value(NFTA_CMP_DATA, value));
}

NftRule& NftRule::Mask(std::string_view mask) {
  return Add("bitwise", Number(NFTA_BITWISE_SREG, kRegister) + Number(NFTA_BITWISE_DREG, kRegister) +
                            Number(NFTA_BITWISE_LEN, static_cast<uint32_t>(mask.size())) +
                            Value(NFTA_BITWISE_MASK, mask) + Value(NFTA_BITWISE_XOR, std::string(mask.size(), '\0')));
}

NftRule& NftRule::Load(std::string_view value) {
  return Add("immediate", Number(NFTA_IMMEDIATE_DREG, kRegister) + Value(NFTA_IMMEDIATE_DATA, value));
}

NftRule& NftRule::Meta(nft_meta_keys key, nft_cmp_ops op, std::string_view value) {
  return Add("meta", Number(NFTA_META_DREG, kRegister) + Number(NFTA_META_KEY, key)).Compare(op, value);
}

NftRule& NftRule::Meta8(nft_meta_keys key, nft_cmp_ops op, uint8_t value) { return Meta(key, op, Native(value)); }

NftRule& NftRule::Meta32(nft_meta_keys key, nft_cmp_ops op, uint32_t value) { return Meta(key, op, Native(value)); }

NftRule& NftRule::Payload(nft_payload_bases base, uint32_t offset, nft_cmp_ops op, std::string_view value) {
  return Add("payload", Number(NFTA_PAYLOAD_DREG, kRegister) + Number(NFTA_PAYLOAD_BASE, base) +
                            Number(NFTA_PAYLOAD_OFFSET, offset) +
                            Number(NFTA_PAYLOAD_LEN, static_cast<uint32_t>(value.size())))
      .Compare(op, value);
}

NftRule& NftRule::TcpFlags(uint8_t mask, nft_cmp_ops op, uint8_t value) {
  constexpr uint32_t kFlags = 13;  // RFC 9293, section 3.1
  return Add("payload", Number(NFTA_PAYLOAD_DREG, kRegister) + Number(NFTA_PAYLOAD_BASE, NFT_PAYLOAD_TRANSPORT_HEADER) +
                            Number(NFTA_PAYLOAD_OFFSET, kFlags) + Number(NFTA_PAYLOAD_LEN, 1))
      .Mask(Native(mask))
      .Compare(op, Native(value));
}

NftRule& NftRule::TcpPort(uint16_t port) { return Payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, NFT_CMP_EQ, Big16(port)); }

NftRule& NftRule::DestinationType(uint32_t type) {
  return Add("fib", Number(NFTA_FIB_DREG, kRegister) + Number(NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE) +
                        Number(NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR))
      .Compare(NFT_CMP_EQ, Native(type));
}

NftRule& NftRule::ConnectionState(nft_cmp_ops op, uint32_t state) {
  return Add("ct", Number(NFTA_CT_DREG, kRegister) + Number(NFTA_CT_KEY, NFT_CT_STATE)).Compare(op, Native(state));
}

NftRule& NftRule::OriginalDestination(nft_ct_keys key, std::string_view mask, nft_cmp_ops op, std::string_view value) {
  return Add("ct", Number(NFTA_CT_DREG, kRegister) + Number(NFTA_CT_KEY, key) +
                       Attribute(NFTA_CT_DIRECTION, Native(static_cast<uint8_t>(0))))
      .Mask(mask)
      .Compare(op, value);
}

NftRule& NftRule::SegmentIsNot(const std::vector<uint16_t>& sizes) {
  Add("rt", Number(NFTA_RT_DREG, kRegister) + Number(NFTA_RT_KEY, NFT_RT_TCPMSS));
  for (const uint16_t size : sizes) Compare(NFT_CMP_NEQ, Native(size));
  return *this;
}

NftRule& NftRule::Write4() {
  return Add("payload", Number(NFTA_PAYLOAD_SREG, kRegister) + Number(NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER) +
                            Number(NFTA_PAYLOAD_OFFSET, 16) + Number(NFTA_PAYLOAD_LEN, 4) +
                            Number(NFTA_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_INET) +
                            Number(NFTA_PAYLOAD_CSUM_OFFSET, 10) +
                            Number(NFTA_PAYLOAD_CSUM_FLAGS, NFT_PAYLOAD_L4CSUM_PSEUDOHDR));
}

NftRule& NftRule::Write6() {
  return Add("payload", Number(NFTA_PAYLOAD_SREG, kRegister) + Number(NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER) +
                            Number(NFTA_PAYLOAD_OFFSET, 24) + Number(NFTA_PAYLOAD_LEN, 16) +
                            Number(NFTA_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_NONE) +
                            Number(NFTA_PAYLOAD_CSUM_OFFSET, 0) +
                            Number(NFTA_PAYLOAD_CSUM_FLAGS, NFT_PAYLOAD_L4CSUM_PSEUDOHDR));
}

NftRule& NftRule::SetDestination4(std::string_view address) { return Load(address).Write4(); }

NftRule& NftRule::SetDestination6(std::string_view address) { return Load(address).Write6(); }

NftRule& NftRule::RestoreDestination4() {
  Add("ct", Number(NFTA_CT_DREG, kRegister) + Number(NFTA_CT_KEY, NFT_CT_DST_IP) +
                Attribute(NFTA_CT_DIRECTION, Native(static_cast<uint8_t>(0))));
  return Write4();
}

NftRule& NftRule::RestoreDestination6() {
  Add("ct", Number(NFTA_CT_DREG, kRegister) + Number(NFTA_CT_KEY, NFT_CT_DST_IP6) +
                Attribute(NFTA_CT_DIRECTION, Native(static_cast<uint8_t>(0))));
  return Write6();
}

void NftRule::Redirect(uint16_t port) {
  Load(Big16(port));
  Add("redir", Number(NFTA_REDIR_REG_PROTO_MIN, kRegister));
}

void NftRule::Reject() {
  Add("reject", Number(NFTA_REJECT_TYPE, NFT_REJECT_ICMPX_UNREACH) +
                    Attribute(NFTA_REJECT_ICMP_CODE, Native(static_cast<uint8_t>(NFT_REJECT_ICMPX_PORT_UNREACH))));
}

void NftRule::Return() { Add("immediate", Verdict(NFT_RETURN)); }

void NftBatch::Message(uint16_t type, uint16_t flags, const std::string& attributes) {
  const auto kind = static_cast<uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | type);
  bytes_ += Header(kind, static_cast<uint16_t>(NLM_F_CREATE | flags), ++sequence_, NFPROTO_INET, 0, attributes);
}

void NftBatch::AddTable() {
  Message(NFT_MSG_NEWTABLE, NLM_F_EXCL | NLM_F_ACK, Text(NFTA_TABLE_NAME, table_) + Number(NFTA_TABLE_FLAGS, kOwner));
}

void NftBatch::AddChain(std::string_view name, std::string_view type, uint32_t hook, int32_t priority) {
  const std::string place =
      Number(NFTA_HOOK_HOOKNUM, hook) + Number(NFTA_HOOK_PRIORITY, static_cast<uint32_t>(priority));
  Message(NFT_MSG_NEWCHAIN, 0,
          Text(NFTA_CHAIN_TABLE, table_) + Text(NFTA_CHAIN_NAME, name) + Nested(NFTA_CHAIN_HOOK, place) +
              Number(NFTA_CHAIN_POLICY, NF_ACCEPT) + Text(NFTA_CHAIN_TYPE, type));
}

void NftBatch::AddRule(std::string_view chain, const NftRule& rule) {
  Message(NFT_MSG_NEWRULE, NLM_F_APPEND,
          Text(NFTA_RULE_TABLE, table_) + Text(NFTA_RULE_CHAIN, chain) + Nested(NFTA_RULE_EXPRESSIONS, rule.Bytes()));
}

int NftBatch::Send(int netlink) {
  const std::string end = Header(NFNL_MSG_BATCH_END, 0, sequence_ + 1, AF_UNSPEC, NFNL_SUBSYS_NFTABLES, "");
  const std::string all = Header(NFNL_MSG_BATCH_BEGIN, 0, 1, AF_UNSPEC, NFNL_SUBSYS_NFTABLES, "") + bytes_ + end;
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  ssize_t sent;
  do {
    sent = sendto(netlink, all.data(), all.size(), 0, reinterpret_cast<sockaddr*>(&kernel), sizeof kernel);
  } while (sent < 0 && errno == EINTR);
  if (sent != static_cast<ssize_t>(all.size())) return sent < 0 ? errno : EMSGSIZE;
  // The kernel has replied when sendto() returns: acknowledging the table, and every error in the whole batch. It
  // acknowledges the batch's own messages since Linux 6.10 only.
  bool is_taken = false;
  for (;;) {
    alignas(nlmsghdr) char answer[kAnswerBytes];
    const ssize_t size = recv(netlink, answer, sizeof answer, MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return is_taken ? 0 : errno == EAGAIN ? EPROTO : errno;
    auto left = static_cast<uint32_t>(size);
    for (auto* header = reinterpret_cast<nlmsghdr*>(answer); NLMSG_OK(header, left);
         header = NLMSG_NEXT(header, left)) {
      if (header->nlmsg_type != NLMSG_ERROR || header->nlmsg_len < NLMSG_LENGTH(sizeof(nlmsgerr))) continue;
      const int error = reinterpret_cast<nlmsgerr*>(NLMSG_DATA(header))->error;
      if (error != 0) return -error;
      is_taken = true;
    }
  }
}

}  // namespace oximy
