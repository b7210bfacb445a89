#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "endpoint.h"

namespace oximy {

namespace xnu {

/** struct pfioc_natlook of xnu's bsd/net/pfvar.h (not in the SDK; the BSDs' is laid out differently). */
struct pfioc_natlook {
  uint8_t saddr[16], daddr[16], rsaddr[16], rdaddr[16];
  /** union pf_state_xport: the port in network order in the first 2 bytes. */
  uint16_t sxport[2], dxport[2], rsxport[2], rdxport[2];
  uint8_t af;
  uint8_t proto;
  uint8_t proto_variant;
  uint8_t direction;
};

static_assert(sizeof(pfioc_natlook) == 84);
static_assert(offsetof(pfioc_natlook, rdaddr) == 48);
static_assert(offsetof(pfioc_natlook, sxport) == 64);
static_assert(offsetof(pfioc_natlook, rdxport) == 76);
static_assert(offsetof(pfioc_natlook, af) == 80);
static_assert(offsetof(pfioc_natlook, direction) == 83);

/** _IOWR('D', 23, struct pfioc_natlook). */
constexpr unsigned long kDiocNatLook = 0xC0544417;

}  // namespace xnu

enum class PfDirection : uint8_t { kIn = 1, kOut = 2 };

/** pf's question: where did the connection from `client`, which came to `listener`, mean to go? */
xnu::pfioc_natlook BuildNatLook(const Endpoint& client, const Endpoint& listener, PfDirection direction);
std::optional<Endpoint> ReadNatLook(const xnu::pfioc_natlook& answer);

}  // namespace oximy
