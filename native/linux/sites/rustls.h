#pragma once

#include <vector>

#include "linux/sites/budget.h"
#include "linux/sites/candidate.h"
#include "linux/sites/code.h"
#include "linux/sites/landmarks.h"

namespace oximy::sites {

/**
 * rustls (src/tls13/key_schedule.rs, derive_logged_secret) asks a trait object whether it wants a secret that is made by
 * then, and the default says no. The question is the first indirect call behind the load of the table of labels.
 */
struct LabelTable {
  uint64_t address;
  /** Relocations of its first two pointers. */
  uint64_t relocations[2];
};

std::vector<LabelTable> FindLabelTables(const MemoryBytes& bytes, const Image& image,
                                        const std::vector<LabelText>& labels, Budget& budget);

/** The question behind a load of the table. */
std::optional<Candidate> WillLogBehind(const Program& program, const Load& load, const LabelTable& table);

/** TLS 1.2 hands its secret over without asking: log("CLIENT_RANDOM", random, secret), all in registers. */
std::optional<Candidate> LogBehind(const Program& program, const Load& load);

bool CheckRustls(const Program& program, const Candidate& candidate);

}  // namespace oximy::sites
