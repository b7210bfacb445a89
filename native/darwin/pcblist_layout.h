#pragma once

#include <cstddef>
#include <cstdint>

namespace oximy::xnu {

// Layouts of xnu's bsd/netinet/in_pcb.h, tcp_var.h and bsd/sys/socketvar.h, which are not in the SDK. All are packed to
// 4 bytes. Compared for the tags in kVersions below: identical, except that xsocket_n of macOS 12 ends with so_e_pid.

constexpr uint32_t kKindSocket = 0x001;  // XSO_SOCKET
constexpr uint32_t kKindInPcb = 0x010;   // XSO_INPCB
constexpr uint32_t kKindTcpPcb = 0x020;  // XSO_TCPCB
constexpr uint8_t kIPv4 = 0x1;           // INP_IPV4
constexpr uint8_t kIPv6 = 0x2;           // INP_IPV6

constexpr int kClosed = 0, kTimeWait = 10;  // bsd/netinet/tcp_fsm.h

#pragma pack(push, 4)

/** Precedes all records, and again follows them. */
struct xinpgen {
  uint32_t xig_len;
  uint32_t xig_count;
  uint64_t xig_gen;
  uint64_t xig_sogen;
};

/** The common header of all records. */
struct xgen_n {
  uint32_t xgn_len;
  uint32_t xgn_kind;
};

/** The first record of a connection. */
struct xinpcb_n {
  uint32_t xi_len;
  uint32_t xi_kind;
  uint64_t xi_inpp;
  /** Both ports in network order. */
  uint16_t inp_fport;
  uint16_t inp_lport;
  uint64_t inp_ppcb;
  uint64_t inp_gencnt;
  int32_t inp_flags;
  uint32_t inp_flow;
  uint8_t inp_vflag;
  uint8_t inp_ip_ttl;
  uint8_t inp_ip_p;
  /** IPv4 in the last 4 bytes. */
  alignas(4) uint8_t inp_faddr[16];
  uint8_t inp_laddr[16];
  uint8_t rest[24];
};

struct xsocket_n {
  uint32_t xso_len;
  uint32_t xso_kind;
  uint64_t xso_so;
  int16_t so_type;
  uint32_t so_options;
  int16_t so_linger;
  int16_t so_state;
  uint64_t so_pcb;
  int32_t xso_protocol;
  int32_t xso_family;
  int16_t so_qlen;
  int16_t so_incqlen;
  int16_t so_qlimit;
  int16_t so_timeo;
  uint16_t so_error;
  int32_t so_pgid;
  uint32_t so_oobmark;
  uint32_t so_uid;
  int32_t so_last_pid;
  int32_t so_e_pid;
  uint8_t rest[28];
};

/** Its first fields. */
struct xtcpcb_n {
  uint32_t xt_len;
  uint32_t xt_kind;
  uint64_t t_segq;
  int32_t t_dupacks;
  int32_t t_timer[4];
  int32_t t_state;
};

#pragma pack(pop)

/**
 * Record lengths of each version of macOS, from the first and last tags compared. Those of xinpcb_n and xtcpcb_n, and
 * the offsets of the fields read from them, were also measured by others on macOS 15.4, against netstat.
 */
struct Version {
  int macos;
  const char* first_tag;
  const char* last_tag;
  size_t xinpgen_size, xinpcb_n_size, xsocket_n_size, xtcpcb_n_size;
};

constexpr Version kVersions[] = {
    {12, "xnu-8019.80.24", "xnu-8020.140.41", 24, 104, 76, 204},
    {13, "xnu-8792.81.2", "xnu-8796.141.3", 24, 104, 104, 204},
    {14, "xnu-10002.81.5", "xnu-10063.141.1", 24, 104, 104, 204},
    {15, "xnu-11215.81.4", "xnu-11417.121.6", 24, 104, 104, 204},
};

/** Whether all fields that are read lie within each record of this version. */
constexpr bool Holds(const Version& version) {
  return version.xinpgen_size == sizeof(xinpgen) && version.xinpcb_n_size >= offsetof(xinpcb_n, rest) &&
         version.xsocket_n_size >= offsetof(xsocket_n, rest) && version.xtcpcb_n_size >= sizeof(xtcpcb_n);
}
static_assert(Holds(kVersions[0]) && Holds(kVersions[1]) && Holds(kVersions[2]) && Holds(kVersions[3]));
static_assert(sizeof kVersions / sizeof *kVersions == 4);

// The offsets of the fields that are read are the same in all of them.
static_assert(sizeof(xinpgen) == 24);
static_assert(sizeof(xgen_n) == 8);
static_assert(sizeof(xinpcb_n) == 104);
static_assert(offsetof(xinpcb_n, inp_fport) == 16);
static_assert(offsetof(xinpcb_n, inp_lport) == 18);
static_assert(offsetof(xinpcb_n, inp_vflag) == 44);
static_assert(offsetof(xinpcb_n, inp_faddr) == 48);
static_assert(offsetof(xinpcb_n, inp_laddr) == 64);
static_assert(sizeof(xsocket_n) == 104);
static_assert(offsetof(xsocket_n, so_uid) == 64);
static_assert(offsetof(xsocket_n, so_last_pid) == 68);
static_assert(offsetof(xsocket_n, so_e_pid) == 72);
static_assert(offsetof(xsocket_n, rest) == 76);
static_assert(offsetof(xtcpcb_n, t_state) == 36);

}  // namespace oximy::xnu
