#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace oximy {

/** Recognizes one socket among the descriptors in /proc/PID/fd, where its link reads `socket:[INODE]`. */
class SocketInProc {
 public:
  explicit SocketInProc(uint64_t inode) : link_("socket:[" + std::to_string(inode) + "]") {}

  /** The descriptor by which `pid` holds the socket. Tries the highest number first: usually the newest. */
  std::optional<int> DescriptorIn(int pid, std::chrono::steady_clock::time_point deadline) const;
  bool IsDescriptorOf(int pid, int descriptor) const;

 private:
  bool Matches(int fd_directory, int descriptor) const;

  std::string link_;
};

}  // namespace oximy
