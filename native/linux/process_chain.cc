#include "linux/process_chain.h"

#include <unistd.h>

#include "linux/proc_parse.h"
#include "linux/proc_read.h"
#include "unique_fd.h"

namespace oximy {
namespace {

constexpr size_t kMaxAncestors = 10;
constexpr size_t kMaxRemembered = 512;
/** An ancestor read this recently is not read again: apps open connections by the dozen. */
constexpr std::chrono::milliseconds kStaysTrue{20};

uint64_t NanosecondsPerTick() {
  static const uint64_t value = 1'000'000'000u / static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
  return value;
}

/** Whether the pid still belongs to this process, and it still runs the same program. */
bool IsCurrent(const ProcessInfo& process) {
  const UniqueFd fd(OpenProcess(process.pid));
  if (!fd) return false;
  const auto stat = ParseProcStat(ReadProcFile(fd.get(), "stat").value_or(""));
  return stat && stat->start_time == process.start_time && stat->ppid == process.ppid &&
         ReadExecutable(fd.get()) == process.path;
}

}  // namespace

ProcessChain ProcessChainReader::Read(int pid, uint64_t boot_time) {
  ProcessChain chain;
  auto process = ReadProcessInfo(pid);
  if (!process || process->start_time * NanosecondsPerTick() > boot_time) return chain;
  int parent = process->ppid;
  chain.push_back(std::make_shared<const ProcessInfo>(std::move(*process)));
  // Process 1 is an ancestor of everything, so it carries no information.
  while (parent > 1 && chain.size() <= kMaxAncestors) {
    auto ancestor = Ancestor(parent);
    if (!ancestor) break;
    parent = ancestor->ppid;
    chain.push_back(std::move(ancestor));
  }
  return chain;
}

std::shared_ptr<const ProcessInfo> ProcessChainReader::Ancestor(int pid) {
  const auto now = Clock::now();
  const auto found = ancestors_.find(pid);
  if (found != ancestors_.end()) {
    auto& [process, seen] = found->second;
    if (now - seen < kStaysTrue) return process;
    if (IsCurrent(*process)) {
      seen = now;
      return process;
    }
  }
  auto process = ReadProcessInfo(pid);
  if (!process) return nullptr;
  if (ancestors_.size() >= kMaxRemembered) ancestors_.clear();
  auto& fresh = ancestors_[pid] = {std::make_shared<const ProcessInfo>(std::move(*process)), now};
  return fresh.process;
}

}  // namespace oximy
