/** Answers of NETLINK_SOCK_DIAG. The first byte chooses the family of the question. */
#include "linux/sock_diag_message.h"

using namespace oximy;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const bool v4 = (data[0] & 1) != 0;
  const SocketTuple tuple = {*ParseEndpoint(v4 ? "192.0.2.5" : "2001:db8::5", 50001),
                             *ParseEndpoint(v4 ? "203.0.113.7" : "2001:db8::7", 443)};
  ParseSockDiagAnswer(data + 1, size - 1, tuple, 0);
  return 0;
}
