#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "unique_fd.h"

namespace oximy::bpf {

// bpf(2) with the few commands that are needed. The numbers and layouts are those of <linux/bpf.h> of Linux 5.14;
// they are written out because the addon must also build with older headers.

enum class MapType : uint32_t { kLruHash = 9, kRingBuffer = 27 };
enum class ProgramType : uint32_t { kSockOps = 13, kCgroupSockAddr = 18 };
enum class AttachType : uint32_t { kSockOps = 3, kInet4Connect = 10, kInet6Connect = 11 };

/** All return an empty descriptor on failure and leave the reason in errno. */
UniqueFd CreateMap(MapType type, uint32_t key_size, uint32_t value_size, uint32_t max_entries);
UniqueFd LoadProgram(ProgramType type, AttachType attach, const std::vector<bpf_insn>& instructions);
/** Attached as long as the descriptor is open, beside the programs of others. */
UniqueFd AttachToCgroup(int program, int cgroup, AttachType attach);

/** `key` and `value` point to as many bytes as the map was made with. */
bool LookUp(int map, const void* key, void* value);

}  // namespace oximy::bpf
