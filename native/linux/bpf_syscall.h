#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "unique_fd.h"

namespace oximy::bpf {

// bpf(2) with the few commands that are needed. The numbers and layouts are those of <linux/bpf.h> of Linux 5.14,
// for uprobes of 6.6; they are written out because the addon must also build with older headers.

enum class MapType : uint32_t { kHash = 1, kArray = 2, kLruHash = 9, kRingBuffer = 27 };
enum class ProgramType : uint32_t { kKprobe = 2, kCgroupSock = 9, kSockOps = 13, kCgroupSockAddr = 18 };
enum class AttachType : uint32_t {
  kNone = 0,
  kInetSockCreate = 2,
  kSockOps = 3,
  kInet4Connect = 10,
  kInet6Connect = 11,
  kInet4PeerName = 29,
  kInet6PeerName = 30,
  kUprobeMulti = 48,
};

/** All return an empty descriptor on failure and leave the reason in errno. */
UniqueFd CreateMap(MapType type, uint32_t key_size, uint32_t value_size, uint32_t max_entries);
UniqueFd LoadProgram(ProgramType type, AttachType attach, const std::vector<bpf_insn>& instructions);
/** Attached as long as the descriptor is open, beside the programs of others. */
UniqueFd AttachToCgroup(int program, int cgroup, AttachType attach);

/**
 * Runs the program whenever a process reaches one of these places in the file, as long as the descriptor is open
 * (Linux 6.6). Offsets count from the file's start.
 */
UniqueFd AttachToOffsets(int program, const char* path, const std::vector<uint64_t>& offsets);

/** In these, `key` and `value` point to as many bytes as the map was made with. */
bool LookUp(int map, const void* key, void* value);
bool Update(int map, const void* key, const void* value);
bool Delete(int map, const void* key);

}  // namespace oximy::bpf
