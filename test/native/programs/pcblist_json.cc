/** Reads a socket table of macOS from standard input, prints its connections as JSON, and where a client meant to go. */
#include <cstdio>
#include <iostream>
#include <iterator>

#include "darwin/pcblist.h"
#include "endpoint.h"

using namespace oximy;

namespace {

void Print(const Endpoint& endpoint) {
  std::printf("{\"address\":\"%s\",\"port\":%u}", FormatAddress(endpoint).c_str(), endpoint.port);
}

}  // namespace

int main() {
  const std::vector<uint8_t> bytes(std::istreambuf_iterator<char>(std::cin), {});
  const auto sockets = ParsePcbList(bytes.data(), bytes.size());
  const auto listener = *ParseEndpoint("127.0.0.1", 15001);
  std::printf("[");
  for (size_t i = 0; i < sockets.size(); i++) {
    const auto& socket = sockets[i];
    std::printf("%s{\"local\":", i == 0 ? "" : ",");
    Print(socket.tuple.local);
    std::printf(",\"remote\":");
    Print(socket.tuple.remote);
    std::printf(",\"uid\":%u,\"pid\":%d,\"destination\":", socket.uid, socket.pid());
    if (const auto destination = DestinationOfClient(sockets, socket.tuple.local, listener)) Print(*destination);
    else std::printf("null");
    std::printf("}");
  }
  std::printf("]\n");
}
