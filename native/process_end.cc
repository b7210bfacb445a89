#include "process_end.h"

#include <unistd.h>

#include <thread>

namespace oximy {
namespace {

constexpr std::chrono::milliseconds kLookEvery{500};

}  // namespace

void ExitAtLatest(std::chrono::milliseconds after, int code) {
  std::thread([after, code] {
    std::this_thread::sleep_for(after);
    // Not exit(3): its handlers may be what hangs.
    _exit(code);
  }).detach();
}

void OutliveParentAtMost(std::chrono::milliseconds after) {
  const pid_t parent = getppid();
  std::thread([after, parent] {
    // PR_SET_PDEATHSIG exists on Linux only, and refers to the parent's thread that started us (prctl(2)).
    while (getppid() == parent) std::this_thread::sleep_for(kLookEvery);
    std::this_thread::sleep_for(after);
    _exit(1);
  }).detach();
}

}  // namespace oximy
