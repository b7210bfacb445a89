/**
 * A client that lives for one request: it connects, makes its handshake, says in the request who it is, and ends.
 *
 *   short-lived HOST IPV4 IPV6 AFTER NUMBER
 *
 * NUMBER says how: over IPv4, IPv6 or IPv4 on an IPv6 socket; from the process itself, a child, a thread, from
 * AFTER, another program that it becomes when it is connected, or from a child that is forked when it is connected.
 * It exits with 0 when the server answered.
 *
 * OpenSSL's functions are declared here, so that its library is enough to build this: no headers are needed.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

extern "C" {
struct SSL_CTX;
struct SSL;
const void* TLS_client_method();
SSL_CTX* SSL_CTX_new(const void* method);
SSL* SSL_new(SSL_CTX* context);
int SSL_set_fd(SSL* session, int fd);
long SSL_ctrl(SSL* session, int command, long kind, void* value);
int SSL_connect(SSL* session);
int SSL_write(SSL* session, const void* bytes, int length);
int SSL_read(SSL* session, void* bytes, int length);
}
// SSL_CTRL_SET_TLSEXT_HOSTNAME of <openssl/ssl.h>.
constexpr int kSetHostName = 55;
/** Nothing in here takes longer, unless it hangs. */
constexpr unsigned kLimitSeconds = 60;

enum class Family { kIpv4, kIpv6, kMapped };
enum class Way { kItself, kChild, kThread, kAfterExec, kConnectThenFork };
constexpr const char* kFamilies[] = {"ipv4", "ipv6", "mapped"};
constexpr const char* kWays[] = {"itself", "child", "thread", "after-exec", "connect-then-fork"};

[[noreturn]] static void Fail(const char* what) {
  perror(what);
  _exit(1);
}

static int Connect(Family family, const char* ipv4, const char* ipv6) {
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(443);
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = six.sin6_port;
  inet_pton(AF_INET, ipv4, &four.sin_addr);
  inet_pton(AF_INET6, family == Family::kMapped ? (std::string("::ffff:") + ipv4).c_str() : ipv6, &six.sin6_addr);

  const bool is_four = family == Family::kIpv4;
  const int fd = socket(is_four ? AF_INET : AF_INET6, SOCK_STREAM, 0);
  const auto* address = is_four ? reinterpret_cast<const sockaddr*>(&four) : reinterpret_cast<const sockaddr*>(&six);
  if (fd < 0 || connect(fd, address, is_four ? sizeof four : sizeof six) != 0) Fail("connect");
  return fd;
}

/** Done before connecting where possible, so that the first byte follows the connection at once. */
static SSL* Prepare(const std::string& host) {
  SSL* session = SSL_new(SSL_CTX_new(TLS_client_method()));
  SSL_ctrl(session, kSetHostName, 0, const_cast<char*>(host.c_str()));
  return session;
}

static void Ask(SSL* session, int fd, const std::string& host, const std::string& what) {
  char path[PATH_MAX] = {};
  if (readlink("/proc/self/exe", path, sizeof path - 1) < 0) Fail("readlink");
  const std::string who = what + " " + std::to_string(getpid()) + " " + std::to_string(geteuid()) + " " + path;
  const std::string body =
      R"({"model":"gpt-4o-mini","messages":[{"role":"user","content":")" + who + R"("}]})";
  const std::string request = "POST /v1/chat/completions HTTP/1.1\r\nhost: " + host +
                              "\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: " +
                              std::to_string(body.size()) + "\r\n\r\n" + body;
  SSL_set_fd(session, fd);
  if (SSL_connect(session) != 1) Fail("handshake");
  if (SSL_write(session, request.data(), static_cast<int>(request.size())) <= 0) Fail("write");
  char answer[4096];
  const int length = SSL_read(session, answer, sizeof answer);
  if (length < 12 || strncmp(answer, "HTTP/1.1 200", 12) != 0) Fail("answer");
}

/** Waits for the child to end; the code to exit with. */
static int CodeOf(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char** argv) {
  if (argc != 6 && argc != 7) return 2;
  alarm(kLimitSeconds);
  const std::string host = argv[1];
  const int number = atoi(argv[5]);
  const auto family = static_cast<Family>(number % 3);
  const auto way = static_cast<Way>(number / 3 % 5);
  const std::string what = std::to_string(number) + " " + kFamilies[static_cast<int>(family)] + " " +
                           kWays[static_cast<int>(way)];
  // What this program became: the descriptor of the connection is its last argument.
  if (argc == 7) {
    Ask(Prepare(host), atoi(argv[6]), host, what);
    return 0;
  }
  const auto connect_and_ask = [&] {
    SSL* session = Prepare(host);
    Ask(session, Connect(family, argv[2], argv[3]), host, what);
  };
  switch (way) {
    case Way::kItself:
      connect_and_ask();
      break;
    case Way::kThread:
      std::thread(connect_and_ask).join();
      break;
    case Way::kChild: {
      const pid_t child = fork();
      if (child == 0) {
        connect_and_ask();
        _exit(0);
      }
      return CodeOf(child);
    }
    case Way::kConnectThenFork: {
      SSL* session = Prepare(host);
      const int fd = Connect(family, argv[2], argv[3]);
      const pid_t child = fork();
      if (child == 0) {
        Ask(session, fd, host, what);
        _exit(0);
      }
      close(fd);
      return CodeOf(child);
    }
    case Way::kAfterExec: {
      const std::string fd = std::to_string(Connect(family, argv[2], argv[3]));
      execl(argv[4], argv[4], argv[1], argv[2], argv[3], argv[4], argv[5], fd.c_str(), nullptr);
      Fail("exec");
    }
  }
  return 0;
}
