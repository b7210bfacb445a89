#pragma once

#include <vector>

#include "linux/sites/budget.h"
#include "linux/sites/candidate.h"
#include "linux/sites/code.h"
#include "linux/sites/landmarks.h"

namespace oximy::sites {

/**
 * rustls (src/tls13/key_schedule.rs, derive_logged_secret) calls `will_log` of a trait object when a secret has been
 * made, and by default it returns false. That is the first indirect call after the load of the table of labels.
 */
struct LabelTable {
  uint64_t address;
  /** Relocations of its first two pointers. */
  uint64_t relocations[2];
};

std::vector<LabelTable> FindLabelTables(const MemoryBytes& bytes, const Image& image,
                                        const std::vector<LabelText>& labels, Budget& budget);

/** The call of `will_log` after a load of the table. */
std::optional<Candidate> WillLogBehind(const Program& program, const Load& load, const LabelTable& table);

/** TLS 1.2 passes its secret on without that check: log("CLIENT_RANDOM", random, secret), all in registers. */
std::optional<Candidate> LogBehind(const Program& program, const Load& load);

bool CheckRustls(const Program& program, const Candidate& candidate);

}  // namespace oximy::sites
