#pragma once

#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace oximy {

/** The expressions of one rule, in the order in which the kernel evaluates them (linux/netfilter/nf_tables.h). */
class NftRule {
 public:
  /** Continues only when the value of `meta` has these bytes. */
  NftRule& Meta(nft_meta_keys key, nft_cmp_ops op, std::string_view value);
  NftRule& Meta8(nft_meta_keys key, nft_cmp_ops op, uint8_t value);
  NftRule& Meta32(nft_meta_keys key, nft_cmp_ops op, uint32_t value);
  NftRule& Payload(nft_payload_bases base, uint32_t offset, nft_cmp_ops op, std::string_view value);
  /** The flags of the TCP header under the mask. */
  NftRule& TcpFlags(uint8_t mask, nft_cmp_ops op, uint8_t value);
  NftRule& TcpPort(uint16_t port);
  /** The type of the destination's address: RTN_LOCAL, … */
  NftRule& DestinationType(uint32_t type);
  NftRule& ConnectionState(nft_cmp_ops op, uint32_t state);
  /** The original destination of the connection, under a mask. */
  NftRule& OriginalDestination(nft_ct_keys key, std::string_view mask, nft_cmp_ops op, std::string_view value);
  /** None of these is the path's maximum segment size. */
  NftRule& SegmentIsNot(const std::vector<uint16_t>& sizes);
  /** Writes to the destination of the IP header. */
  NftRule& SetDestination4(std::string_view address);
  NftRule& SetDestination6(std::string_view address);
  NftRule& RestoreDestination4();
  NftRule& RestoreDestination6();
  void Redirect(uint16_t port);
  void Reject();
  void Return();

  const std::string& Bytes() const { return bytes_; }

 private:
  NftRule& Add(std::string_view name, const std::string& attributes);
  NftRule& Compare(nft_cmp_ops op, std::string_view value);
  NftRule& Mask(std::string_view mask);
  NftRule& Load(std::string_view value);
  NftRule& Write4();
  NftRule& Write6();

  std::string bytes_;
};

/** One nf_tables transaction, of the family inet. The sender owns its tables. */
class NftBatch {
 public:
  explicit NftBatch(std::string table) : table_(std::move(table)) {}
  void AddTable();
  void AddChain(std::string_view name, std::string_view type, uint32_t hook, int32_t priority);
  void AddRule(std::string_view chain, const NftRule& rule);
  /** 0, or the errno of the first rejected item; then nothing is changed. */
  int Send(int netlink);

 private:
  void Message(uint16_t type, uint16_t flags, const std::string& attributes);

  std::string table_;
  std::string bytes_;
  uint32_t sequence_ = 1;
};

}  // namespace oximy
