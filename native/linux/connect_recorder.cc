#include "connect_recorder.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

#include "linux/bpf_syscall.h"
#include "linux/cgroup2.h"
#include "linux/connect_programs.h"
#include "linux/errno_text.h"
#include "linux/network_cookie.h"
#include "linux/process_chain.h"
#include "linux/ring_reader.h"

namespace oximy {
namespace {

/** Connections whose record is kept in the kernel: the least recently used one goes first. 1.8 MB. */
constexpr uint32_t kMaxSockets = 16384;
constexpr uint32_t kRingBytes = 256 * 1024;
/** Connections whose processes are kept: they are asked for within milliseconds. */
constexpr size_t kMaxChains = 2048;
/** They are taken as soon as the event is signalled. */
constexpr size_t kMaxForeign = 4096;

// PROC_PID_INIT_INO of <linux/proc_ns.h>.
constexpr ino_t kInitialPidNamespace = 0xEFFFFFFC;

/** The programs see pids of the initial namespace; elsewhere they would name others' processes. */
bool InInitialPidNamespace() {
  struct stat info {};
  return stat("/proc/self/ns/pid", &info) == 0 && info.st_ino == kInitialPidNamespace;
}

class Recorder {
 public:
  /** Empty when it records from now on, else why it cannot. */
  std::string Start(const WantedConnections& wanted);
  ~Recorder();

  std::optional<ConnectRecord> Find(const SocketTuple& tuple, std::optional<uint64_t> cookie);
  std::vector<ForeignConnect> TakeForeign();

 private:
  std::string Attach(const WantedConnections& wanted);
  void ReadEvents();
  void NoteForeign(const ConnectEvent& event);
  ProcessChain ChainOf(uint64_t cookie, const RawConnectRecord& record);
  ProcessChain Remembered(uint64_t cookie);

  UniqueFd by_cookie_;
  UniqueFd by_tuple_;
  std::vector<UniqueFd> links_;
  std::unique_ptr<RingReader> ring_;

  UniqueFd stop_;
  std::thread thread_;

  /** Held while a process is read, so that a lookup which comes too early waits for that very reading. */
  std::mutex reading_;
  ProcessChainReader reader_;
  std::mutex remembering_;
  std::unordered_map<uint64_t, ProcessChain> chains_;
  std::deque<uint64_t> oldest_first_;
  std::vector<ForeignConnect> foreign_;
  uint64_t own_network_ = 0;
};

std::string Recorder::Attach(const WantedConnections& wanted) {
  using bpf::AttachType;
  if (!InInitialPidNamespace()) return "not in the machine's own pid namespace";
  own_network_ = NetworkCookie();
  if (own_network_ == 0) return ErrnoText("SO_NETNS_COOKIE (Linux 5.14)");
  const UniqueFd cgroup = OpenCgroup2Root();
  if (!cgroup) return ErrnoText("the root of cgroup v2");

  by_cookie_ = bpf::CreateMap(bpf::MapType::kLruHash, sizeof(uint64_t), sizeof(RawConnectRecord), kMaxSockets);
  by_tuple_ = bpf::CreateMap(bpf::MapType::kLruHash, sizeof(TupleKey), sizeof(uint64_t), kMaxSockets);
  UniqueFd ring = bpf::CreateMap(bpf::MapType::kRingBuffer, 0, 0, kRingBytes);
  if (!by_cookie_ || !by_tuple_ || !ring) return ErrnoText("bpf(MAP_CREATE)");
  ring_ = std::make_unique<RingReader>(std::move(ring), kRingBytes);
  if (!ring_->ok()) return ErrnoText("mmap of the ring");

  const ConnectMaps maps{by_cookie_.get(), by_tuple_.get(), ring_->fd()};
  const auto attach = [&](bpf::ProgramType type, AttachType hook, const std::vector<bpf_insn>& code) {
    const UniqueFd program = bpf::LoadProgram(type, hook, code);
    if (!program) return false;
    links_.push_back(bpf::AttachToCgroup(program.get(), cgroup.get(), hook));
    return static_cast<bool>(links_.back());
  };
  for (const auto hook : {AttachType::kInet4Connect, AttachType::kInet6Connect}) {
    const auto family = hook == AttachType::kInet4Connect ? Endpoint::Family::kIPv4 : Endpoint::Family::kIPv6;
    const auto connect = AssembleConnectProgram(maps, own_network_, wanted, family);
    if (!attach(bpf::ProgramType::kCgroupSockAddr, hook, connect)) return ErrnoText("bpf(connect hook)");
  }
  // Without it (before Linux 5.15) only clients that reset before they are looked up stay unknown.
  attach(bpf::ProgramType::kSockOps, AttachType::kSockOps, AssembleTupleProgram(maps, own_network_));
  return {};
}

std::string Recorder::Start(const WantedConnections& wanted) {
  stop_ = UniqueFd(eventfd(0, EFD_CLOEXEC));
  if (!stop_) return ErrnoText("eventfd");
  if (auto failure = Attach(wanted); !failure.empty()) return failure;
  thread_ = std::thread(&Recorder::ReadEvents, this);
  return {};
}

Recorder::~Recorder() {
  if (!thread_.joinable()) return;
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

void Recorder::ReadEvents() {
  pollfd waiting[] = {{ring_->fd(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
  for (;;) {
    if (poll(waiting, 2, -1) < 0 && errno != EINTR) return;
    if (waiting[1].revents != 0) return;
    ring_->Drain([this](const uint8_t* data, size_t size) {
      if (size < sizeof(ConnectEvent)) return;
      ConnectEvent event;
      std::memcpy(&event, data, sizeof event);
      if (event.network != own_network_) NoteForeign(event);
      ChainOf(event.cookie, event.record);
    });
  }
}

void Recorder::NoteForeign(const ConnectEvent& event) {
  const int pid = static_cast<int>(event.record.pid_tgid >> 32);
  if (pid == getpid()) return;
  std::lock_guard<std::mutex> lock(remembering_);
  if (foreign_.empty()) eventfd_write(ForeignConnectsEvent(), 1);
  if (foreign_.size() < kMaxForeign) foreign_.push_back({event.network, pid, event.record.boot_time});
}

std::vector<ForeignConnect> Recorder::TakeForeign() {
  std::lock_guard<std::mutex> lock(remembering_);
  return std::exchange(foreign_, {});
}

ProcessChain Recorder::Remembered(uint64_t cookie) {
  std::lock_guard<std::mutex> lock(remembering_);
  const auto found = chains_.find(cookie);
  return found == chains_.end() ? ProcessChain{} : found->second;
}

ProcessChain Recorder::ChainOf(uint64_t cookie, const RawConnectRecord& record) {
  std::lock_guard<std::mutex> reading(reading_);
  auto chain = Remembered(cookie);
  if (!chain.empty()) return chain;
  chain = reader_.Read(static_cast<int>(record.pid_tgid >> 32), record.boot_time);
  if (chain.empty()) return chain;

  std::lock_guard<std::mutex> remembering(remembering_);
  chains_.emplace(cookie, chain);
  oldest_first_.push_back(cookie);
  if (oldest_first_.size() > kMaxChains) {
    chains_.erase(oldest_first_.front());
    oldest_first_.pop_front();
  }
  return chain;
}

std::optional<ConnectRecord> Recorder::Find(const SocketTuple& tuple, std::optional<uint64_t> cookie) {
  if (!cookie) {
    const TupleKey key = TupleKeyOf(tuple);
    uint64_t found = 0;
    if (!bpf::LookUp(by_tuple_.get(), &key, &found)) return std::nullopt;
    cookie = found;
  }
  RawConnectRecord raw;
  if (!bpf::LookUp(by_cookie_.get(), &*cookie, &raw)) return std::nullopt;

  ConnectRecord record;
  record.cookie = *cookie;
  record.pid = static_cast<int>(raw.pid_tgid >> 32);
  record.uid = static_cast<uint32_t>(raw.uid_gid);
  record.name.assign(raw.name, strnlen(raw.name, sizeof raw.name));
  record.processes = Remembered(*cookie);
  if (record.processes.empty()) record.processes = ChainOf(*cookie, raw);
  return record;
}

std::mutex recorder_mutex;
std::unique_ptr<Recorder> recorder;

}  // namespace

std::string AttachConnectRecorder(const WantedConnections& wanted) {
  std::lock_guard<std::mutex> lock(recorder_mutex);
  auto fresh = std::make_unique<Recorder>();
  auto failure = fresh->Start(wanted);
  if (failure.empty()) recorder = std::move(fresh);
  return failure;
}

void DetachConnectRecorder() {
  std::lock_guard<std::mutex> lock(recorder_mutex);
  recorder.reset();
}

std::vector<ForeignConnect> TakeForeignConnects() {
  std::lock_guard<std::mutex> lock(recorder_mutex);
  return recorder ? recorder->TakeForeign() : std::vector<ForeignConnect>{};
}

int ForeignConnectsEvent() {
  static const int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return event;
}

std::optional<ConnectRecord> FindConnectRecord(const SocketTuple& tuple, std::optional<uint64_t> cookie) {
  std::lock_guard<std::mutex> lock(recorder_mutex);
  return recorder ? recorder->Find(tuple, cookie) : std::nullopt;
}

}  // namespace oximy
