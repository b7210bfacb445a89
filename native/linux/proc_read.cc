#include "linux/proc_read.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "linux/proc_parse.h"
#include "unique_fd.h"

namespace oximy {

std::optional<std::string> ReadProcFile(int dir_fd, const char* path, size_t limit) {
  const UniqueFd fd(openat(dir_fd, path, O_RDONLY | O_CLOEXEC));
  if (!fd) return std::nullopt;
  std::string content;
  char buffer[4096];
  while (content.size() < limit) {
    const ssize_t size = read(fd.get(), buffer, std::min(sizeof buffer, limit - content.size()));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return std::nullopt;
    if (size == 0) break;
    content.append(buffer, static_cast<size_t>(size));
  }
  return content;
}

int OpenProcess(int pid) {
  const std::string path = "/proc/" + std::to_string(pid);
  return open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

std::string ReadExecutable(int process_fd) {
  char target[4096];
  const ssize_t size = readlinkat(process_fd, "exe", target, sizeof target);
  if (size <= 0) return {};
  std::string path(target, static_cast<size_t>(size));
  const std::string_view unmarked = WithoutDeletedMark(path);
  // A file may really be named "x (deleted)".
  if (unmarked.size() != path.size() && access(path.c_str(), F_OK) == 0) return path;
  return std::string(unmarked);
}

std::vector<int> ListIds(int dir_fd) {
  std::vector<int> ids;
  // fdopendir() takes ownership of its descriptor.
  UniqueFd own(openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!own) return ids;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(fdopendir(own.get()), closedir);
  if (!directory) return ids;
  own.release();
  while (const dirent* entry = readdir(directory.get())) {
    if (const auto id = ParseId(entry->d_name)) ids.push_back(*id);
  }
  return ids;
}

std::vector<int> ListIds(const char* path) {
  const UniqueFd directory(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return directory ? ListIds(directory.get()) : std::vector<int>();
}

}  // namespace oximy
