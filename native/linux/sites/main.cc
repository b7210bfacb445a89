/**
 * oximy-sites: searches one executable file for sites of TLS stacks, and writes them to standard output (answer.h).
 *
 *   oximy-sites                 the file is open as descriptor 3
 *   oximy-sites UID GID PATH    opens the file itself, as this user: if it hangs or is refused, that is the user's own
 *
 * The file is untrusted. So this drops all privileges before it reads a byte of it, and then every system call except
 * those for memory and for the answer. If the file is shortened meanwhile, SIGBUS ends the process: no answer.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "linux/sites/answer.h"
#include "linux/sites/sandbox.h"
#include "linux/sites/search.h"

namespace {

constexpr int kAnswer = 1, kFile = 3;
constexpr unsigned kNobody = 65534;
constexpr uint64_t kLargestFile = uint64_t{4} << 30;

enum Exit { kDone = 0, kUsage = 2, kNotSafe = 3, kNoFile = 4 };

int Answer(const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    const ssize_t written = write(kAnswer, text.data() + at, text.size() - at);
    if (written <= 0) return kNoFile;
    at += static_cast<size_t>(written);
  }
  return kDone;
}

/** The cache key of the answer (src/secrets/file-key.ts). */
std::string FileLine(const struct stat& file) {
  const auto nanoseconds = [](const timespec& t) { return std::to_string(t.tv_sec * 1'000'000'000LL + t.tv_nsec); };
  return "file " + std::to_string(file.st_dev) + " " + std::to_string(file.st_ino) + " " +
         std::to_string(file.st_size) + " " + nanoseconds(file.st_mtim) + " " + nanoseconds(file.st_ctim) + "\n";
}

std::string SearchFile(const uint8_t* data, uint64_t size) {
  using namespace oximy::sites;
  const MemoryBytes bytes(data, size);
  const ImageRead read = ReadImage(bytes);
  if (!read.image) return FormatNone(read.reason);
  return FormatAnswer(bytes, *read.image, Search(bytes, *read.image));
}

unsigned Number(const char* text) { return static_cast<unsigned>(std::strtoul(text, nullptr, 10)); }

}  // namespace

int main(int argc, char** argv) {
  using namespace oximy::sites;
  if (argc != 1 && argc != 4) return kUsage;
  const bool opens = argc == 4;
  if (!BecomeUser(opens ? Number(argv[1]) : kNobody, opens ? Number(argv[2]) : kNobody)) return kNotSafe;
  // O_NONBLOCK: a named pipe would block until its other end is opened.
  const int file = opens ? open(argv[3], O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : kFile;
  struct stat status {};
  if (file < 0 || fstat(file, &status) != 0) return kNoFile;
  const std::string head = FileLine(status);
  const auto size = static_cast<uint64_t>(status.st_size);
  if (!S_ISREG(status.st_mode) || size == 0) return Answer(head + FormatNone("no file with content"));
  if (size > kLargestFile) return Answer(head + FormatNone("larger than any program"));
  if (!LimitSelf(size)) return kNotSafe;
  // Shared: every private mapping of a probed file shows the kernel's breakpoints.
  void* data = mmap(nullptr, size, PROT_READ, MAP_SHARED, file, 0);
  if (data == MAP_FAILED) return Answer(head + FormatNone("a file that cannot be mapped"));
  if (!AllowOnlySearch(kAnswer)) return kNotSafe;
  _exit(Answer(head + SearchFile(static_cast<const uint8_t*>(data), size)));
}
