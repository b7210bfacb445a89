#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace oximy {

/** A process; with its start time (clock ticks since boot) it is this very one. */
struct ProcessRef {
  int pid = 0;
  uint64_t start_time = 0;
};

/** Names a file's content for as long as nobody changes it. Times in nanoseconds since the epoch. */
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size = 0;
  uint64_t mtime = 0;
  uint64_t ctime = 0;
};

/** Whether the caller has read what this names. */
using IsKnown = std::function<bool(const FileIdentity&)>;

struct FileContent {
  FileIdentity identity;
  std::string bytes;
};

/** What became of the wish to read a file. Only with `kRead` there are bytes. */
enum class FileAnswer {
  kRead,
  /** It may be read, and what its identity names was read before: there are no bytes. */
  kKnown,
  /** There is none of that name. */
  kAbsent,
  /** It is there, but no regular file, larger than wanted, or not for that user to read. */
  kRefused,
  /** It could not be found out: the process is gone, the system cannot do it, or it took too long. */
  kUnknown,
};

struct FileResult {
  FileAnswer answer = FileAnswer::kUnknown;
  FileContent content;
};

/** What a process was started with. */
struct ProgramFiles {
  FileIdentity executable;
  /** Names the file tree that the process sees: mount namespace and root folder. */
  std::string tree;
  /** Its working directory by now; empty when that cannot be told. */
  std::string working_directory;
  /** Only the variables asked for. Nothing when the environment cannot be read, or was overwritten by the process. */
  std::optional<std::vector<std::pair<std::string, std::string>>> environment;
  /** As of `ReadMappedFiles`, where they were asked for. */
  std::optional<std::vector<std::string>> mapped;
};

/**
 * Opens `path` as the process would: with its effective user and groups, below its root (no link leads out of it),
 * and only if it is a regular file of at most `max_bytes`; nothing else is ever opened, so that no pipe is waited for
 * and no device touched. May hang on a file system that does not answer: call it on a thread that may.
 */
FileResult ReadFileAs(const ProcessRef& process, uint32_t uid, const std::string& path, size_t max_bytes,
                      const IsKnown& is_known);

/** The same for a user without a process to go by: below our own root, with this group and no other. */
FileResult ReadFileOf(uint32_t uid, uint32_t gid, const std::string& path, size_t max_bytes);

/** Where `path` leads in the end, links followed the same way. Nothing when it leads nowhere. */
std::optional<std::string> ResolveAs(const ProcessRef& process, uint32_t uid, const std::string& path);

/** What the link at `path` says, with links before its last part followed the same way. Nothing when there is none. */
std::optional<std::string> ReadLinkAs(const ProcessRef& process, uint32_t uid, const std::string& path);

/** Files in a folder, opened the same way; at most `max_names`. */
std::optional<std::vector<std::string>> ListFolderAs(const ProcessRef& process, uint32_t uid, const std::string& path,
                                                     size_t max_names);

std::optional<ProgramFiles> ReadProgramFiles(const ProcessRef& process, const std::vector<std::string>& names,
                                             bool with_mapped);

/** Files that are mapped executable, each once. */
std::optional<std::vector<std::string>> ReadMappedFiles(const ProcessRef& process);

/** A part of the process's executable; shorter when it ends before. */
std::optional<std::string> ReadExecutablePart(const ProcessRef& process, uint64_t offset, size_t length);

/** Whether the text stands in that part of the process's executable. */
std::optional<bool> FindInExecutable(const ProcessRef& process, uint64_t offset, uint64_t length,
                                     const std::string& text);

}  // namespace oximy
