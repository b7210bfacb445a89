#pragma once

#include <linux/bpf.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "linux/secret_probe_registers.h"
#include "secret_probes.h"

namespace oximy {

/** What a program writes into the ring of secrets. Numbers in native byte order. */
struct ProbedSecret {
  uint32_t process;
  uint32_t site;
  /** Of the wanted random, when `proven`. */
  uint32_t watch;
  uint32_t proven;
  uint32_t length;
  /** At most 32 bytes of the label, up to its NUL if there is one; 0 when there is none, or it was not resident. */
  uint32_t label_length;
  /** Address of the label minus that of the site: the same in every process, so that it can be read from the file. */
  int64_t label_distance;
  char label[32];
  uint8_t secret[64];
};

/** Any memory that may hold rustls' `OkmBlock`, {bytes[64], used}. */
struct ProbedBlock {
  uint8_t bytes[64];
  uint64_t used;
};

/** Written by a site of kind rustls_will_log; `head.secret` and `head.length` are not set. */
struct ProbedFrame {
  ProbedSecret head;
  uint8_t stack[384];
  /** As many as the architecture has preserved registers. */
  ProbedBlock pointed[kMaxPreserved];
};

/** Goes into the ring of memory: the connection and what its first words point to, to be searched for a random. */
struct ProbedMemory {
  static constexpr size_t kPointers = 64;
  uint32_t process;
  uint32_t site;
  uint8_t connection[4096];
  uint8_t pointed[kPointers][1024];
};

/** Where a build keeps the client random: in the connection, or behind the pointer at `pointer` in it. */
struct RandomPlace {
  int32_t pointer = -1;
  int32_t offset = 0;
};

/** Value of the process map. */
struct WatchedProcess {
  /** Secrets with another random, and the site of the last one. */
  uint64_t refused = 0;
  uint64_t refused_site = 0;
};

enum class ProbeCounter : uint32_t { kRefusedByProcess, kRefusedByRandom, kUnreadable, kLost, kUnneeded, kCount };

struct ProbeMaps {
  /** Ring of ProbedSecret and ProbedFrame. */
  int secrets;
  /** Ring of ProbedMemory: separate, so that no secret is lost when it is full. */
  int memory;
  /** Process (u32) → WatchedProcess. */
  int processes;
  /** Client random (32 bytes) → watch (u32). */
  int randoms;
  /** ProbeCounter (u32) → u64. */
  int counters;
};

/** The pid namespace whose process ids are used; none for the initial one. */
struct PidNamespace {
  uint64_t device;
  uint64_t inode;
};

/** What a program filters by. Kinds that have the random in a register always filter by it. */
enum class ProbeFilter : uint8_t {
  /** By the process; also copies the connection's memory, to search it for the random. */
  kLearning,
  kProcess,
  /** By the random at `place`. */
  kRandom,
};

struct ProbeProgram {
  SiteKind kind;
  uint32_t site;
  ProbeFilter filter;
  RandomPlace place;
  std::optional<PidNamespace> pid_namespace;
};

/** The program for one site: copies the current secret into the ring if it is wanted. It never sleeps. */
std::vector<bpf_insn> AssembleProbe(const ProbeRegisters& registers, const ProbeMaps& maps,
                                    const ProbeProgram& program);

}  // namespace oximy
