#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "secret_probes.h"

namespace oximy {

/**
 * The label with this name; nothing for a name that reading connections does not need. EXPORTER_SECRET returns
 * kExporter: to be dropped.
 */
std::optional<SecretLabel> LabelNamed(std::string_view name);

/**
 * Reads a label from an ELF file when it was not resident in the process: `distance` is its address minus that of the
 * code at `offset` in the file. At most `length` bytes, up to a NUL. Empty when the file has nothing there.
 */
std::string ReadLabel(int file, uint64_t offset, int64_t distance, size_t length);

}  // namespace oximy
