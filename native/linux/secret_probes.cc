#include "secret_probes.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <system_error>

#include "linux/bpf_syscall.h"
#include "linux/secret_probe_files.h"
#include "linux/secret_probe_links.h"
#include "linux/secret_probe_reader.h"
#include "linux/secret_probe_wanted.h"

namespace oximy {
namespace {

/**
 * A thousand secrets. Small, because consumed entries stay in kernel memory until the ring wraps around, and only the
 * kernel can overwrite them.
 */
constexpr uint32_t kSecretRingBytes = 128 * 1024;
/** The memory of three connections at a time; more are of no use. */
constexpr uint32_t kMemoryRingBytes = 256 * 1024;
/** Before Linux 5.11 maps, rings and programs count against this, for root too. */
constexpr rlim_t kLockedBytes = 64 * 1024 * 1024;

// PROC_PID_INIT_INO of <linux/proc_ns.h>.
constexpr ino_t kInitialPidNamespace = 0xEFFFFFFC;

[[noreturn]] void Fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

void RaiseLockLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur >= kLockedBytes) return;
  limit.rlim_cur = kLockedBytes;
  limit.rlim_max = std::max(limit.rlim_max, kLockedBytes);
  setrlimit(RLIMIT_MEMLOCK, &limit);  // on failure, creating a map reports it
}

/** Programs see process ids as this process does: in a pid namespace of its own (a container), the namespace's. */
std::optional<PidNamespace> OwnPidNamespace() {
  struct stat info {};
  if (stat("/proc/self/ns/pid", &info) != 0 || info.st_ino == kInitialPidNamespace) return std::nullopt;
  // The kernel's own encoding of a device number: <linux/kdev_t.h>.
  return PidNamespace{uint64_t{major(info.st_dev)} << 20 | minor(info.st_dev), info.st_ino};
}

UniqueFd LoadTrial(const ProbeRegisters& registers, const ProbeMaps& maps, ProbeMethod method) {
  const ProbeProgram program{SiteKind::kKeylog, 0, ProbeFilter::kLearning, {}, OwnPidNamespace()};
  return bpf::LoadProgram(bpf::ProgramType::kKprobe, AttachTypeOf(method), AssembleProbe(registers, maps, program));
}

/** The kernel side: rings and maps, and the supported way of attaching. */
struct Kernel {
  Kernel(const SecretProbeOptions& options, const ProbeRegisters& registers);

  WantedHandshakes wanted;
  UniqueFd counters;
  SecretReader::Rings rings;
  ProbeSetting setting{};
};

UniqueFd MakeRing(uint32_t size) {
  UniqueFd map = bpf::CreateMap(bpf::MapType::kRingBuffer, 0, 0, size);
  if (!map) Fail("bpf(MAP_CREATE) of a ring (Linux 5.8, root)");
  return map;
}

Kernel::Kernel(const SecretProbeOptions& options, const ProbeRegisters& registers)
    : wanted(std::chrono::milliseconds(options.wanted_ms)),
      counters(bpf::CreateMap(bpf::MapType::kArray, sizeof(uint32_t), sizeof(uint64_t),
                              static_cast<uint32_t>(ProbeCounter::kCount))),
      rings{{MakeRing(kSecretRingBytes), kSecretRingBytes}, {MakeRing(kMemoryRingBytes), kMemoryRingBytes}} {
  if (!rings.secrets.ok() || !rings.memory.ok()) Fail("mmap of a ring");
  if (!wanted.ok() || !counters) Fail("bpf(MAP_CREATE)");
  setting.registers = &registers;
  setting.maps = {rings.secrets.fd(), rings.memory.fd(), wanted.processes(), wanted.randoms(), counters.get()};
  setting.pid_namespace = OwnPidNamespace();
  int error = ENOTSUP;
  for (const auto method : {ProbeMethod::kMulti, ProbeMethod::kPerf}) {
    if (options.method != ProbeMethod::kBest && options.method != method) continue;
    setting.method = method;
    const UniqueFd trial = LoadTrial(registers, setting.maps, method);
    if (!trial) error = errno;
    else if (ProbesCanBePlaced(method, trial.get())) return;
  }
  errno = error;
  Fail("a program at a uprobe");
}

class LinuxSecretProbes final : public SecretProbes {
 public:
  LinuxSecretProbes(UniqueFd secrets, const SecretProbeOptions& options, const ProbeRegisters& registers)
      : output_(std::move(secrets)),
        kernel_(options, registers),
        files_(kernel_.setting),
        reader_(std::make_unique<SecretReader>(kernel_.rings, registers, files_, kernel_.wanted, output_)) {
    if (!output_.ok() || !reader_->ok()) Fail("the reader of secrets");
  }
  ~LinuxSecretProbes() override { LinuxSecretProbes::Close(); }

  uint32_t Attach(int file, const std::string& key, const std::vector<ProbeSite>& sites) override {
    return files_.Attach(UniqueFd(file), key, sites);
  }
  void Detach(uint32_t handle) override { files_.Detach(handle); }

  bool Want(uint32_t watch, uint32_t process, const uint8_t (&random)[32]) override {
    const bool first = kernel_.wanted.Count() == 0;
    const bool taken = kernel_.wanted.Want(watch, process, random);
    // All have the same time limit, so only the first of them sets the reader's timer.
    if (const std::lock_guard<std::mutex> lock(mutex_); first && reader_) reader_->Wake();
    return taken;
  }
  void Unwant(uint32_t watch) override {
    if (const auto missed = kernel_.wanted.Unwant(watch)) files_.Missed(missed->site);
  }

  SecretProbeStats Stats() const override;

  void Close() override {
    files_.Close();
    const std::lock_guard<std::mutex> lock(mutex_);
    if (reader_) last_ = Read(*reader_);
    reader_.reset();
  }

 private:
  static SecretProbeStats Read(const SecretReader& reader);
  uint64_t Counter(ProbeCounter counter) const {
    uint64_t value = 0;
    bpf::LookUp(kernel_.counters.get(), &counter, &value);
    return value;
  }

  SecretOutput output_;
  Kernel kernel_;
  ProbedFiles files_;
  mutable std::mutex mutex_;
  /** Null once closed. */
  std::unique_ptr<SecretReader> reader_;
  SecretProbeStats last_;
};

SecretProbeStats LinuxSecretProbes::Read(const SecretReader& reader) {
  const auto& counts = reader.counts();
  SecretProbeStats stats;
  stats.records = counts.records;
  stats.forwarded = counts.forwarded;
  stats.candidates = counts.candidates;
  stats.foreign = counts.foreign;
  stats.unneeded = counts.unneeded;
  stats.dropped = counts.dropped;
  return stats;
}

SecretProbeStats LinuxSecretProbes::Stats() const {
  SecretProbeStats stats;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stats = reader_ ? Read(*reader_) : last_;
  }
  const auto files = files_.Count();
  stats.probes = files.probes;
  stats.places = files.places;
  stats.wanted = kernel_.wanted.Count();
  stats.refused_by_process = Counter(ProbeCounter::kRefusedByProcess);
  stats.refused_by_random = Counter(ProbeCounter::kRefusedByRandom);
  stats.unreadable = Counter(ProbeCounter::kUnreadable);
  stats.lost = Counter(ProbeCounter::kLost);
  stats.unneeded += Counter(ProbeCounter::kUnneeded);
  return stats;
}

}  // namespace

std::string SecretProbes::Support(ProbeMethod method) {
  const auto* registers = OwnRegisters();
  if (registers == nullptr) return "this processor's registers are not known";
  RaiseLockLimit();
  try {
    SecretProbeOptions options;
    options.method = method;
    const Kernel trial(options, *registers);
    return {};
  } catch (const std::system_error& error) {
    return error.what();
  }
}

std::shared_ptr<SecretProbes> SecretProbes::Start(int secrets, const SecretProbeOptions& options) {
  const auto* registers = OwnRegisters();
  if (registers == nullptr) throw std::system_error(std::make_error_code(std::errc::not_supported), "this processor");
  RaiseLockLimit();
  UniqueFd own(fcntl(secrets, F_DUPFD_CLOEXEC, 3));
  const int flags = own ? fcntl(own.get(), F_GETFL) : -1;
  if (flags < 0 || fcntl(own.get(), F_SETFL, flags | O_NONBLOCK) != 0) Fail("the descriptor for secrets");
  return std::make_shared<LinuxSecretProbes>(std::move(own), options, *registers);
}

}  // namespace oximy
