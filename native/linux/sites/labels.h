#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "linux/sites/code.h"

namespace oximy::sites {

/** The labels of key log files (RFC 9850), which Wireshark and others parse: no TLS stack can choose others. */
constexpr std::string_view kLabels[] = {
    "CLIENT_RANDOM",
    "CLIENT_EARLY_TRAFFIC_SECRET",
    "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    "CLIENT_TRAFFIC_SECRET_0",
    "SERVER_TRAFFIC_SECRET_0",
    "EXPORTER_SECRET",
};
constexpr size_t kLabelCount = sizeof kLabels / sizeof kLabels[0];
constexpr size_t kClientRandom = 0, kClientEarly = 1, kClientHandshake = 2;

/** Which label is at an address outside of writable memory; `ended` selects those with a NUL or those without. */
std::optional<size_t> LabelAt(const Program& program, uint64_t address, bool ended);

}  // namespace oximy::sites
