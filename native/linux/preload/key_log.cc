/**
 * The OpenSSL key log for programs that keep none: many link libssl and ignore SSLKEYLOGFILE (openssl s_client, Perl,
 * PHP's streams, Python's own contexts). By the time of SSL_new(3) a program has configured its context; one without a
 * key log callback gets ours, which writes to the named pipe of `oximy run`.
 *
 * Libraries of one process may each bring their own OpenSSL. So the real SSL_new is the caller's: the one that the
 * dynamic linker would have found for the calling object.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <cerrno>

#include <cstddef>

#include "linux/preload/program.h"

namespace {

struct Context;  // SSL_CTX
struct Session;  // SSL

using NewSession = Session*(Context*);
using Callback = void(const Session*, const char*);
using GetCallback = Callback*(const Context*);
using SetCallback = void(Context*, Callback*);

/** How long a handshake waits for a pipe that is full. */
constexpr int kFullPipeMs = 200;

/** Writes one line at once: a program may exit right after its answer. Creates no file where the pipe is gone. */
void Log(const Session*, const char* line) {
  const int before = errno;
  const char* const path = getenv("OXIMY_RUN_KEY_LOG");
  const int pipe = path == nullptr ? -1 : open(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
  if (pipe >= 0) {
    struct stat found {};
    // After the run, somebody else could put something in its place.
    if (fstat(pipe, &found) == 0 && S_ISFIFO(found.st_mode) && found.st_uid == getuid()) {
      size_t length = 0;
      while (line[length] != 0) length++;
      char end = '\n';
      const iovec parts[] = {{const_cast<char*>(line), length}, {&end, 1}};
      // Less than PIPE_BUF: all or nothing, never interleaved with another process (pipe(7)).
      pollfd room{pipe, POLLOUT, 0};
      if (poll(&room, 1, kFullPipeMs) == 1) syscall(SYS_writev, pipe, parts, 2);
    }
    close(pipe);
  }
  errno = before;
}

/** A function of the OpenSSL that the object with this address is linked to. */
template <typename Function>
Function* OfCaller(void* object, const char* name, const void* own) {
  void* const found = object == nullptr ? nullptr : dlsym(object, name);
  // The program itself finds preloaded symbols before those of its own libraries.
  return reinterpret_cast<Function*>(found == nullptr || found == own ? dlsym(RTLD_NEXT, name) : found);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) Session* SSL_new(Context* context) {
  const void* const own = reinterpret_cast<const void*>(&SSL_new);
  void* object = nullptr;
  Dl_info caller{};
  if (dladdr(__builtin_return_address(0), &caller) != 0 && caller.dli_fname != nullptr)
    object = dlopen(caller.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
  auto* const make = OfCaller<NewSession>(object, "SSL_new", own);
  auto* const get = OfCaller<GetCallback>(object, "SSL_CTX_get_keylog_callback", nullptr);
  auto* const set = OfCaller<SetCallback>(object, "SSL_CTX_set_keylog_callback", nullptr);
  if (object != nullptr) dlclose(object);
  if (get != nullptr && set != nullptr && context != nullptr && getenv("OXIMY_RUN_KEY_LOG") != nullptr &&
      get(context) == nullptr) {
    set(context, Log);
  }
  return make == nullptr ? nullptr : make(context);
}
