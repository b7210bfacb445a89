#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace oximy {

/** A process. Pid and start time (clock ticks since boot) together are unique. */
struct ProcessRef {
  int pid = 0;
  uint64_t start_time = 0;
};

/** Identifies a file's content until somebody changes it. Times in nanoseconds since the epoch. */
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size = 0;
  uint64_t mtime = 0;
  uint64_t ctime = 0;
};

/** Whether the caller has already read that content. */
using IsKnown = std::function<bool(const FileIdentity&)>;

struct FileContent {
  FileIdentity identity;
  std::string bytes;
};

/** Outcome of reading a file. Only `kRead` comes with bytes. */
enum class FileAnswer {
  kRead,
  /** Readable, and content with this identity was read before: no bytes. */
  kKnown,
  /** No such file. */
  kAbsent,
  /** It exists, but is no regular file, is larger than the limit, or is not readable for that user. */
  kRefused,
  /** Unknown: the process is gone, the system does not support it, or it took too long. */
  kUnknown,
};

struct FileResult {
  FileAnswer answer = FileAnswer::kUnknown;
  FileContent content;
};

/** What a process was started with. */
struct ProgramFiles {
  FileIdentity executable;
  /** Identifies the file tree that the process sees: mount namespace and root folder. */
  std::string tree;
  /** Its current working directory; empty when unknown. */
  std::string working_directory;
  /** Only the requested variables. Nothing when the environment is unreadable or the process overwrote it. */
  std::optional<std::vector<std::pair<std::string, std::string>>> environment;
  /** As returned by `ReadMappedFiles`, if requested. */
  std::optional<std::vector<std::string>> mapped;
};

/**
 * Opens `path` as the process would: with its effective user and groups, below its root (no link leads out of it),
 * and only if it is a regular file of at most `max_bytes`. Nothing else is ever opened, so it never blocks on a pipe
 * or touches a device. May hang on a file system that does not respond: call it on a thread that may.
 */
FileResult ReadFileAs(const ProcessRef& process, uint32_t uid, const std::string& path, size_t max_bytes,
                      const IsKnown& is_known);

/** The same for a user without a process: below our own root, with this group only. */
FileResult ReadFileOf(uint32_t uid, uint32_t gid, const std::string& path, size_t max_bytes);

/** Where `path` finally leads, following links in the same way. Nothing when it leads nowhere. */
std::optional<std::string> ResolveAs(const ProcessRef& process, uint32_t uid, const std::string& path);

/** The target of the link at `path`, following links before its last part in the same way. Nothing if there is none. */
std::optional<std::string> ReadLinkAs(const ProcessRef& process, uint32_t uid, const std::string& path);

/** Names in a folder, opened in the same way; at most `max_names`. */
std::optional<std::vector<std::string>> ListFolderAs(const ProcessRef& process, uint32_t uid, const std::string& path,
                                                     size_t max_names);

std::optional<ProgramFiles> ReadProgramFiles(const ProcessRef& process, const std::vector<std::string>& names,
                                             bool with_mapped);

/** Files mapped executable, each once. */
std::optional<std::vector<std::string>> ReadMappedFiles(const ProcessRef& process);

/** A part of the process's executable; shorter at the end of the file. */
std::optional<std::string> ReadExecutablePart(const ProcessRef& process, uint64_t offset, size_t length);

/** Whether that part of the process's executable contains the text. */
std::optional<bool> FindInExecutable(const ProcessRef& process, uint64_t offset, uint64_t length,
                                     const std::string& text);

}  // namespace oximy
