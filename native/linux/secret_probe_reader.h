#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "linux/ring_reader.h"
#include "linux/secret_probe_files.h"
#include "linux/secret_probe_output.h"
#include "linux/secret_probe_wanted.h"

namespace oximy {

/** The thread that takes secrets from the ring, assigns them to watches, and forwards them. */
class SecretReader {
 public:
  struct Rings {
    RingReader secrets;
    RingReader memory;
  };

  /** All of these must outlive it. */
  SecretReader(Rings& rings, const ProbeRegisters& registers, ProbedFiles& files, WantedHandshakes& wanted,
               SecretOutput& output);
  /** Ends the thread. */
  ~SecretReader();

  /** False when the thread could not be started; the reason is in errno. */
  bool ok() const { return thread_.joinable(); }
  /** Re-evaluates when the next wanted handshake expires. */
  void Wake() const;

  struct Counts {
    std::atomic<uint64_t> records{0}, forwarded{0}, candidates{0}, foreign{0}, unneeded{0}, dropped{0};
  };
  const Counts& counts() const { return counts_; }

 private:
  void Run();
  int UntilNextExpiry() const;
  void TakeSecret(const uint8_t* data, size_t size);
  void TakeMemory(const uint8_t* data, size_t size);
  /** Nothing when reading connections does not need this secret. */
  std::optional<SecretLabel> LabelOf(const ProbedSecret& secret, const ProbedFiles::Site& site);
  void Forward(const ProbedSecret& from, SecretLabel label, const uint8_t* secret, size_t length);
  void Write(uint32_t watch, SecretLabel label, uint16_t flags, const uint8_t* secret, size_t length);

  Rings& rings_;
  const ProbeRegisters& registers_;
  ProbedFiles& files_;
  WantedHandshakes& wanted_;
  SecretOutput& output_;
  Counts counts_;
  /** Cache of labels read from a file, by site and distance. */
  std::map<std::pair<uint32_t, int64_t>, std::string> labels_;
  UniqueFd wake_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace oximy
