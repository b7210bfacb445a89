#include "process_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "linux/proc_parse.h"
#include "linux/proc_read.h"
#include "unique_fd.h"

namespace oximy {
namespace {

/** Arguments and environment share a quarter of the stack limit; this exceeds its default. */
constexpr size_t kEnvironmentLimit = 4 << 20;
constexpr size_t kMapsLimit = 8 << 20;
constexpr size_t kChunk = 1 << 20;

/** /proc/PID of exactly this process. */
UniqueFd OpenExact(const ProcessRef& process) {
  UniqueFd directory(OpenProcess(process.pid));
  if (!directory) return {};
  const auto stat = ParseProcStat(ReadProcFile(directory.get(), "stat").value_or(""));
  if (!stat || stat->pid != process.pid || stat->start_time != process.start_time) return {};
  return directory;
}

FileIdentity Identify(const struct stat& found) {
  const auto nanoseconds = [](const timespec& time) {
    return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
  };
  return {static_cast<uint64_t>(found.st_dev), static_cast<uint64_t>(found.st_ino),
          static_cast<uint64_t>(found.st_size), nanoseconds(found.st_mtim), nanoseconds(found.st_ctim)};
}

/** Nothing when it now runs as another user. */
std::optional<ProcGroups> GroupsOf(int process_fd, uint32_t uid) {
  const std::string text = ReadProcFile(process_fd, "status").value_or("");
  const auto status = ParseProcStatus(text);
  return status && status->effective_uid == uid ? ParseProcGroups(text) : std::nullopt;
}

/**
 * Makes this thread, and no other, access files as that user. The raw calls affect the calling thread alone (nptl's
 * wrapper of setgroups would apply to all threads); a user other than root loses the capabilities over files with it
 * (capabilities(7), "Effect of user ID changes"). The kernel thereby marks the whole process as not dumpable.
 */
class AsUser {
 public:
  AsUser(uint32_t uid, const ProcGroups& groups) : own_uid_(geteuid()), own_gid_(getegid()) {
    if (uid == own_uid_ && uid != 0) {
      is_done_ = true;  // without root, switching users is impossible
      return;
    }
    if (own_uid_ != 0) return;
    const int count = getgroups(0, nullptr);
    own_groups_.resize(static_cast<size_t>(std::max(count, 0)));
    if (count > 0 && getgroups(count, own_groups_.data()) < 0) return;
    is_changed_ = true;
    if (syscall(SYS_setgroups, groups.others.size(), groups.others.data()) != 0) return;
    setfsgid(groups.effective);
    setfsuid(uid);
    // Neither reports failure; calling them with an invalid id returns the current value.
    is_done_ = static_cast<uint32_t>(setfsgid(static_cast<gid_t>(-1))) == groups.effective &&
               static_cast<uint32_t>(setfsuid(static_cast<uid_t>(-1))) == uid;
  }
  AsUser(const AsUser&) = delete;
  AsUser& operator=(const AsUser&) = delete;
  ~AsUser() {
    if (!is_changed_) return;
    setfsuid(own_uid_);
    setfsgid(own_gid_);
    (void)syscall(SYS_setgroups, own_groups_.size(), own_groups_.data());
  }
  bool IsDone() const { return is_done_; }

 private:
  uid_t own_uid_;
  gid_t own_gid_;
  std::vector<gid_t> own_groups_;
  bool is_changed_ = false;
  bool is_done_ = false;
};

FileAnswer AnswerOf(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return FileAnswer::kAbsent;
    case EACCES:
    case EPERM:
    case ELOOP:
    case ENAMETOOLONG:
      return FileAnswer::kRefused;
    default:
      return FileAnswer::kUnknown;
  }
}

/** An O_PATH descriptor, which opens nothing yet. Sets errno. */
UniqueFd FindBelow(int root, const std::string& path, int flags = 0) {
  open_how how{};
  how.flags = static_cast<uint64_t>(O_PATH | O_CLOEXEC | flags);
  // Magic links of /proc escape every root (openat2(2)).
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  for (int attempt = 0; attempt < 4; attempt++) {
    const long fd = syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
    // A rename raced with resolving "..".
    if (fd < 0 && errno == EAGAIN) continue;
    return UniqueFd(static_cast<int>(fd));
  }
  return {};
}

/** Opens for reading what an O_PATH descriptor refers to, with this thread's rights. Sets errno. */
UniqueFd Reopen(const UniqueFd& found, int flags) {
  const std::string path = "/proc/self/fd/" + std::to_string(found.get());
  return UniqueFd(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags));
}

std::string ReadLink(int directory, const std::string& path) {
  char target[4096];
  const ssize_t size = readlinkat(directory, path.c_str(), target, sizeof target);
  return size > 0 ? std::string(target, static_cast<size_t>(size)) : std::string();
}

/** Up to `length` bytes from `offset`. */
std::optional<std::string> ReadPart(int fd, uint64_t offset, size_t length) {
  std::string bytes(length, '\0');
  size_t done = 0;
  while (done < length) {
    const ssize_t count = pread(fd, bytes.data() + done, length - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::nullopt;
    if (count == 0) break;
    done += static_cast<size_t>(count);
  }
  bytes.resize(done);
  return bytes;
}

/** A process's view of the file system: its root, and the groups that it accesses files with. */
struct View {
  UniqueFd root;
  ProcGroups groups;
};

/** Nothing when the process has ended or runs as another user now, and for a path that no file can have. */
std::optional<View> ViewOf(const ProcessRef& process, uint32_t uid, const std::string& path) {
  if (path.find('\0') != std::string::npos) return std::nullopt;
  const UniqueFd directory = OpenExact(process);
  if (!directory) return std::nullopt;
  auto groups = GroupsOf(directory.get(), uid);
  UniqueFd root(openat(directory.get(), "root", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!groups || !root) return std::nullopt;
  return View{std::move(root), std::move(*groups)};
}

FileResult ReadBelow(int root, uint32_t uid, const ProcGroups& groups, const std::string& path, size_t max_bytes,
                     const IsKnown& is_known) {
  FileResult result;
  const AsUser user(uid, groups);
  if (!user.IsDone()) return result;
  const UniqueFd found = FindBelow(root, path);
  if (!found) return {AnswerOf(errno), {}};
  struct stat status = {};
  if (fstat(found.get(), &status) != 0) return result;
  if (!S_ISREG(status.st_mode) || static_cast<uint64_t>(status.st_size) > max_bytes) return {FileAnswer::kRefused, {}};
  const UniqueFd file = Reopen(found, 0);
  if (!file) return {AnswerOf(errno), {}};
  if (is_known && is_known(Identify(status))) return {FileAnswer::kKnown, {Identify(status), {}}};
  // One extra byte reveals that it grew, or that it is one of those that report a size of 0.
  auto bytes =
      ReadPart(file.get(), 0,
               max_bytes + 1 > static_cast<uint64_t>(status.st_size) + 4096 ? static_cast<size_t>(status.st_size) + 4096
                                                                            : max_bytes + 1);
  if (!bytes) return result;
  if (bytes->size() > max_bytes) return {FileAnswer::kRefused, {}};
  // Changed while it was read: neither the old content nor the new one.
  struct stat after = {};
  if (fstat(file.get(), &after) != 0 || Identify(after).mtime != Identify(status).mtime ||
      after.st_size != status.st_size) {
    return result;
  }
  return {FileAnswer::kRead, {Identify(status), std::move(*bytes)}};
}

std::optional<std::vector<std::string>> MappedFilesOf(int process_fd) {
  const auto maps = ReadProcFile(process_fd, "maps", kMapsLimit);
  return maps ? std::optional(ParseExecutableMappings(*maps)) : std::nullopt;
}

}  // namespace

FileResult ReadFileAs(const ProcessRef& process, uint32_t uid, const std::string& path, size_t max_bytes,
                      const IsKnown& is_known) {
  // The kernel's error for an empty path is that of a missing file.
  const auto view = ViewOf(process, uid, path);
  return view ? ReadBelow(view->root.get(), uid, view->groups, path, max_bytes, is_known) : FileResult();
}

FileResult ReadFileOf(uint32_t uid, uint32_t gid, const std::string& path, size_t max_bytes) {
  if (path.find('\0') != std::string::npos) return {};
  const UniqueFd root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return {};
  return ReadBelow(root.get(), uid, {gid, {gid}}, path, max_bytes, nullptr);
}

std::optional<std::string> ResolveAs(const ProcessRef& process, uint32_t uid, const std::string& path) {
  const auto view = ViewOf(process, uid, path);
  if (!view) return std::nullopt;
  const AsUser user(uid, view->groups);
  if (!user.IsDone()) return std::nullopt;
  const UniqueFd found = FindBelow(view->root.get(), path);
  if (!found) return std::nullopt;
  std::string target = ReadLink(AT_FDCWD, "/proc/self/fd/" + std::to_string(found.get()));
  return target.empty() ? std::nullopt : std::optional(std::move(target));
}

std::optional<std::string> ReadLinkAs(const ProcessRef& process, uint32_t uid, const std::string& path) {
  const auto view = ViewOf(process, uid, path);
  if (!view) return std::nullopt;
  const AsUser user(uid, view->groups);
  if (!user.IsDone()) return std::nullopt;
  const UniqueFd found = FindBelow(view->root.get(), path, O_NOFOLLOW);
  if (!found) return std::nullopt;
  // An empty path means the descriptor itself (readlink(2)); what is no link has no target.
  std::string target = ReadLink(found.get(), "");
  return target.empty() ? std::nullopt : std::optional(std::move(target));
}

std::optional<std::vector<std::string>> ListFolderAs(const ProcessRef& process, uint32_t uid, const std::string& path,
                                                     size_t max_names) {
  const auto view = ViewOf(process, uid, path);
  if (!view) return std::nullopt;
  const AsUser user(uid, view->groups);
  if (!user.IsDone()) return std::nullopt;
  const UniqueFd found = FindBelow(view->root.get(), path);
  struct stat status = {};
  if (!found || fstat(found.get(), &status) != 0 || !S_ISDIR(status.st_mode)) return std::nullopt;
  // fdopendir() takes ownership of its descriptor.
  UniqueFd own = Reopen(found, O_DIRECTORY);
  if (!own) return std::nullopt;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(fdopendir(own.get()), closedir);
  if (!folder) return std::nullopt;
  own.release();
  std::vector<std::string> names;
  while (const dirent* entry = readdir(folder.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (names.size() == max_names) return std::nullopt;
    names.push_back(name);
  }
  return names;
}

std::optional<ProgramFiles> ReadProgramFiles(const ProcessRef& process, const std::vector<std::string>& names,
                                             bool with_mapped) {
  const UniqueFd directory = OpenExact(process);
  if (!directory) return std::nullopt;
  struct stat status = {};
  if (fstatat(directory.get(), "exe", &status, 0) != 0) return std::nullopt;
  ProgramFiles files;
  files.executable = Identify(status);
  files.working_directory = ReadLink(directory.get(), "cwd");
  struct stat root = {};
  if (fstatat(directory.get(), "root", &root, 0) == 0) {
    files.tree =
        ReadLink(directory.get(), "ns/mnt") + ":" + std::to_string(root.st_dev) + ":" + std::to_string(root.st_ino);
  }
  const auto environment = ReadProcFile(directory.get(), "environ", kEnvironmentLimit);
  if (environment && environment->size() < kEnvironmentLimit) files.environment = ParseEnvironment(*environment, names);
  if (with_mapped) files.mapped = MappedFilesOf(directory.get());
  return files;
}

std::optional<std::vector<std::string>> ReadMappedFiles(const ProcessRef& process) {
  const UniqueFd directory = OpenExact(process);
  return directory ? MappedFilesOf(directory.get()) : std::nullopt;
}

std::optional<std::string> ReadExecutablePart(const ProcessRef& process, uint64_t offset, size_t length) {
  const UniqueFd directory = OpenExact(process);
  if (!directory) return std::nullopt;
  const UniqueFd file(openat(directory.get(), "exe", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file) return std::nullopt;
  return ReadPart(file.get(), offset, length);
}

std::optional<bool> FindInExecutable(const ProcessRef& process, uint64_t offset, uint64_t length,
                                     const std::string& text) {
  const UniqueFd directory = OpenExact(process);
  if (!directory || text.empty()) return std::nullopt;
  const UniqueFd file(openat(directory.get(), "exe", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file) return std::nullopt;
  // Chunks overlap so that no match is split.
  const uint64_t end = offset + length;
  while (offset < end) {
    const auto part =
        ReadPart(file.get(), offset, static_cast<size_t>(std::min<uint64_t>(kChunk + text.size(), end - offset)));
    if (!part) return std::nullopt;
    if (part->find(text) != std::string::npos) return true;
    if (part->size() < kChunk) return false;
    offset += kChunk;
  }
  return false;
}

}  // namespace oximy
