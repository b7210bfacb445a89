#include "check.h"

void TestDarwin();
void TestLinux();
void TestLive();

int main() {
  TestDarwin();
  TestLinux();
#ifdef OXIMY_LIVE
  TestLive();
#endif
  if (failures == 0) std::printf("ok\n");
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
