#pragma once

#include <optional>
#include <string>
#include <vector>

namespace oximy {

/** A file of /proc, relative to the directory `dir_fd`, up to `limit` bytes. Nothing when it cannot be read. */
std::optional<std::string> ReadProcFile(int dir_fd, const char* path, size_t limit = 65536);

/** Opens /proc/PID; the descriptor keeps referring to this process even when the pid is reused. */
int OpenProcess(int pid);

/** The executable of the process with this directory, without " (deleted)"; empty when unknown. */
std::string ReadExecutable(int process_fd);

/** The numeric names in a directory of /proc (ids of processes, threads or descriptors), in its order. */
std::vector<int> ListIds(const char* path);
std::vector<int> ListIds(int dir_fd);

}  // namespace oximy
