/**
 * Compares X86Length with a disassembly on standard input (objdump -d -w): "ADDRESS:<tab>BYTES<tab>INSTRUCTION". Prints how
 * many lengths were right, not known and wrong, then some that were wrong.
 */
#include <cctype>
#include <cstdio>
#include <cstring>
#include <string>

#include "linux/sites/x86_length.h"

int main() {
  char line[4096];
  unsigned long right = 0, unknown = 0, wrong = 0;
  std::string examples;
  while (std::fgets(line, sizeof line, stdin)) {
    const char* tab = std::strchr(line, '\t');
    // "(bad)", or prefixes without an instruction: constants that lie between functions, shown as code.
    if (!tab || !std::strchr(tab + 1, '\t') || std::strstr(line, "(bad)") || std::strstr(line, "\trex")) continue;
    uint8_t bytes[32] = {};
    size_t count = 0;
    // The instruction's own name may begin like a number.
    for (const char* at = tab + 1; count < 16 && std::isxdigit(at[0]) && std::isxdigit(at[1]); at += 3) {
      bytes[count++] = static_cast<uint8_t>(std::stoul(std::string(at, 2), nullptr, 16));
    }
    if (count == 0) continue;
    const size_t length = oximy::sites::X86Length(bytes, sizeof bytes);
    if (length == count) {
      right++;
    } else if (length == 0) {
      unknown++;
    } else if (wrong++ < 60) {
      examples += std::to_string(length) + ": " + line;
    }
  }
  std::printf("%lu %lu %lu\n%s", right, unknown, wrong, examples.c_str());
}
