#include "linux/secret_probe_links.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace oximy {
namespace {

/** perf's event type number for uprobes; 0 when the kernel has none. */
uint32_t UprobeEventType() {
  const UniqueFd file(open("/sys/bus/event_source/devices/uprobe/type", O_RDONLY | O_CLOEXEC));
  char text[16] = "";
  if (!file || read(file.get(), text, sizeof text - 1) <= 0) return 0;
  return static_cast<uint32_t>(std::strtoul(text, nullptr, 10));
}

/** See perf_event_open(2): config1 is the path, config2 the offset in the file. */
UniqueFd PlaceByPerf(uint32_t type, int program, const char* path, uint64_t offset) {
  perf_event_attr attributes{};
  attributes.size = sizeof attributes;
  attributes.type = type;
  attributes.config1 = reinterpret_cast<uint64_t>(path);
  attributes.config2 = offset;
  // For every process. A processor must be given nevertheless; BPF programs run on each of them.
  constexpr pid_t kEveryProcess = -1;
  constexpr int kProcessor = 0;
  UniqueFd event(
      static_cast<int>(syscall(SYS_perf_event_open, &attributes, kEveryProcess, kProcessor, -1, PERF_FLAG_FD_CLOEXEC)));
  if (!event || ioctl(event.get(), PERF_EVENT_IOC_SET_BPF, program) != 0 ||
      ioctl(event.get(), PERF_EVENT_IOC_ENABLE, 0) != 0) {
    return UniqueFd();
  }
  return event;
}

}  // namespace

bpf::AttachType AttachTypeOf(ProbeMethod method) {
  return method == ProbeMethod::kMulti ? bpf::AttachType::kUprobeMulti : bpf::AttachType::kNone;
}

ProbeLinks PlaceProbes(ProbeMethod method, int program, int file, const std::vector<uint64_t>& offsets) {
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  ProbeLinks links;
  if (method == ProbeMethod::kMulti) {
    links.push_back(bpf::AttachToOffsets(program, path.c_str(), offsets));
    if (!links.back()) links.clear();
    return links;
  }
  const uint32_t type = UprobeEventType();
  if (type == 0) {
    errno = ENOTSUP;
    return links;
  }
  for (const uint64_t offset : offsets) {
    links.push_back(PlaceByPerf(type, program, path.c_str(), offset));
    if (links.back()) continue;
    const int error = errno;
    links.clear();
    errno = error;
    return links;
  }
  return links;
}

bool ProbesCanBePlaced(ProbeMethod method, int program) {
  if (method == ProbeMethod::kPerf) return UprobeEventType() != 0;
  // A kernel that knows the attach type reports that a folder is no file to place probes in (kernel/trace/bpf_trace.c,
  // bpf_uprobe_multi_link_attach); one that does not, rejects the type.
  const UniqueFd none = bpf::AttachToOffsets(program, "/", {0});
  return !none && errno == EBADF;
}

}  // namespace oximy
