#pragma once

#include <cstdint>

namespace oximy::sites {

/**
 * Limits how much a search may read in all. A file can claim that its segments and tables overlap a thousand times;
 * an honest one is read a little more than once.
 */
class Budget {
 public:
  explicit Budget(uint64_t file_size) : left_(3 * file_size + (uint64_t{16} << 20)) {}

  bool Take(uint64_t bytes) {
    exhausted_ = exhausted_ || bytes > left_;
    if (!exhausted_) left_ -= bytes;
    return !exhausted_;
  }
  bool exhausted() const { return exhausted_; }

 private:
  uint64_t left_;
  bool exhausted_ = false;
};

}  // namespace oximy::sites
