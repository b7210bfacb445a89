#pragma once

#include <vector>

#include "linux/sites/budget.h"
#include "linux/sites/candidate.h"
#include "linux/sites/code.h"
#include "linux/sites/landmarks.h"

namespace oximy::sites {

/**
 * The function that OpenSSL, BoringSSL and GnuTLS call with every secret, for key log files: f(connection, label,
 * secret, length). Found by its symbol if there is one.
 */
std::vector<Candidate> FindKeylogBySymbol(const MemoryBytes& bytes, const Image& image, Budget& budget);

/**
 * The same function, found by its calls: each label is loaded into the second argument's register right before one, and
 * different labels must agree on the function called. Takes the loads of labels.
 */
class KeylogVote {
 public:
  explicit KeylogVote(const Program& program) : program_(program) {}

  void Add(const Load& load, size_t label);
  std::vector<Candidate> Sites() const;

 private:
  struct Votes {
    uint64_t function;
    unsigned labels = 0;
    /** One load per label. */
    std::vector<uint64_t> loads;
  };

  const Program program_;
  std::vector<Votes> votes_;
};

bool CheckKeylog(const Program& program, const Candidate& candidate);

}  // namespace oximy::sites
