#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "secret_probes.h"

namespace oximy {

/**
 * The label with this name; nothing for a name that no connection is read with. Secrets named
 * EXPORTER_SECRET answer kExporter: to be dropped.
 */
std::optional<SecretLabel> LabelNamed(std::string_view name);

/**
 * Reads a label from an ELF file where a process did not have it in memory: `distance` is its address minus that of the
 * code at `offset` in the file. At most `length` bytes, to a NUL. Empty when the file has nothing there.
 */
std::string ReadLabel(int file, uint64_t offset, int64_t distance, size_t length);

}  // namespace oximy
