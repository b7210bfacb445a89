#include "linux/descriptors.h"

#include <fcntl.h>
#include <unistd.h>

#include <string_view>

#include "linux/proc_read.h"
#include "unique_fd.h"

namespace oximy {
namespace {

/** A process with 100,000 descriptors takes a third of a second: the deadline is checked in between. */
constexpr size_t kDescriptorsPerTimeCheck = 256;

UniqueFd OpenFdDirectory(int pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/fd";
  return UniqueFd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

}  // namespace

// readlink, not stat: stat of a file on a dead network share would hang.
bool SocketInProc::Matches(int fd_directory, int descriptor) const {
  char target[64];
  const ssize_t size = readlinkat(fd_directory, std::to_string(descriptor).c_str(), target, sizeof target);
  return size > 0 && std::string_view(target, static_cast<size_t>(size)) == link_;
}

std::optional<int> SocketInProc::DescriptorIn(int pid, std::chrono::steady_clock::time_point deadline) const {
  const UniqueFd directory = OpenFdDirectory(pid);
  if (!directory) return std::nullopt;
  const std::vector<int> descriptors = ListIds(directory.get());
  size_t seen = 0;
  for (auto descriptor = descriptors.rbegin(); descriptor != descriptors.rend(); ++descriptor) {
    if (Matches(directory.get(), *descriptor)) return *descriptor;
    if (++seen % kDescriptorsPerTimeCheck == 0 && std::chrono::steady_clock::now() >= deadline) break;
  }
  return std::nullopt;
}

bool SocketInProc::IsDescriptorOf(int pid, int descriptor) const {
  const UniqueFd directory = OpenFdDirectory(pid);
  return directory && Matches(directory.get(), descriptor);
}

}  // namespace oximy
