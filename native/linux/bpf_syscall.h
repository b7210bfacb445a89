#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "unique_fd.h"

namespace oximy::bpf {

// The few bpf(2) commands that are needed. The numbers and layouts are those of <linux/bpf.h> of Linux 5.14, for
// uprobes of 6.6; they are spelled out because the addon must also build with older headers.

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

/** All return an empty descriptor on failure and set errno. */
UniqueFd CreateMap(MapType type, uint32_t key_size, uint32_t value_size, uint32_t max_entries);
UniqueFd LoadProgram(ProgramType type, AttachType attach, const std::vector<bpf_insn>& instructions);
/** Attached while the descriptor is open, alongside programs of others. */
UniqueFd AttachToCgroup(int program, int cgroup, AttachType attach);

/**
 * Runs the program whenever a process reaches one of these offsets in the file, while the descriptor is open
 * (Linux 6.6).
 */
UniqueFd AttachToOffsets(int program, const char* path, const std::vector<uint64_t>& offsets);

/** `key` and `value` point to as many bytes as the map was created with. */
bool LookUp(int map, const void* key, void* value);
bool Update(int map, const void* key, const void* value);
bool Delete(int map, const void* key);

}  // namespace oximy::bpf
