#include "linux/bpf_syscall.h"

#include <sys/syscall.h>

namespace oximy::bpf {
namespace {

enum Command : int {
  kMapCreate = 0,
  kMapLookup = 1,
  kMapUpdate = 2,
  kMapDelete = 3,
  kProgramLoad = 5,
  kLinkCreate = 28
};

struct MapCreate {
  uint32_t map_type, key_size, value_size, max_entries;
  /** Flags, name and types, at their defaults. Declared because valgrind checks them in any case. */
  uint32_t unused[14];
};

struct MapElement {
  uint32_t map_fd;
  uint32_t padding;
  uint64_t key, value, flags;
};

struct ProgramLoad {
  uint32_t prog_type, insn_cnt;
  uint64_t insns, license;
  uint32_t log_level, log_size;
  uint64_t log_buf;
  uint32_t kern_version, prog_flags;
  char prog_name[16];
  uint32_t prog_ifindex, expected_attach_type;
};

struct LinkCreate {
  uint32_t prog_fd, target_fd, attach_type, flags;
};

struct UprobeMultiLinkCreate {
  LinkCreate link;
  uint64_t path, offsets, ref_ctr_offsets, cookies;
  /** pid 0: every process. Newer kernels can filter by one, but before 6.10 that excluded its other threads. */
  uint32_t count, flags, pid, padding;
};

template <typename Attributes>
long Bpf(Command command, Attributes& attributes) {
  return syscall(SYS_bpf, command, &attributes, sizeof attributes);
}

uint64_t AsU64(const void* pointer) { return reinterpret_cast<uint64_t>(pointer); }

}  // namespace

UniqueFd CreateMap(MapType type, uint32_t key_size, uint32_t value_size, uint32_t max_entries) {
  MapCreate attributes{static_cast<uint32_t>(type), key_size, value_size, max_entries, {}};
  return UniqueFd(static_cast<int>(Bpf(kMapCreate, attributes)));
}

UniqueFd LoadProgram(ProgramType type, AttachType attach, const std::vector<bpf_insn>& instructions) {
  ProgramLoad attributes{};
  attributes.prog_type = static_cast<uint32_t>(type);
  attributes.insn_cnt = static_cast<uint32_t>(instructions.size());
  attributes.insns = AsU64(instructions.data());
  // The helpers for the current process's name and the time are available to GPL programs only.
  attributes.license = AsU64("GPL");
  attributes.expected_attach_type = static_cast<uint32_t>(attach);
  return UniqueFd(static_cast<int>(Bpf(kProgramLoad, attributes)));
}

UniqueFd AttachToCgroup(int program, int cgroup, AttachType attach) {
  LinkCreate attributes{static_cast<uint32_t>(program), static_cast<uint32_t>(cgroup), static_cast<uint32_t>(attach),
                        0};
  return UniqueFd(static_cast<int>(Bpf(kLinkCreate, attributes)));
}

UniqueFd AttachToOffsets(int program, const char* path, const std::vector<uint64_t>& offsets) {
  UprobeMultiLinkCreate attributes{};
  attributes.link = {static_cast<uint32_t>(program), 0, static_cast<uint32_t>(AttachType::kUprobeMulti), 0};
  attributes.path = AsU64(path);
  attributes.offsets = AsU64(offsets.data());
  attributes.count = static_cast<uint32_t>(offsets.size());
  return UniqueFd(static_cast<int>(Bpf(kLinkCreate, attributes)));
}

bool LookUp(int map, const void* key, void* value) {
  MapElement attributes{static_cast<uint32_t>(map), 0, AsU64(key), AsU64(value), 0};
  return Bpf(kMapLookup, attributes) == 0;
}

bool Update(int map, const void* key, const void* value) {
  MapElement attributes{static_cast<uint32_t>(map), 0, AsU64(key), AsU64(value), 0};
  return Bpf(kMapUpdate, attributes) == 0;
}

bool Delete(int map, const void* key) {
  MapElement attributes{static_cast<uint32_t>(map), 0, AsU64(key), 0, 0};
  return Bpf(kMapDelete, attributes) == 0;
}

}  // namespace oximy::bpf
