#include "front_pipe.h"

#include <fcntl.h>

namespace oximy {

std::unique_ptr<Pipe> PipePool::Take() {
  if (lent_ == kMost) return nullptr;
  std::unique_ptr<Pipe> pipe;
  if (!idle_.empty()) {
    pipe = std::move(idle_.back());
    idle_.pop_back();
  } else {
    int ends[2];
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return nullptr;
    pipe = std::make_unique<Pipe>();
    pipe->out.Reset(ends[0]);
    pipe->in.Reset(ends[1]);
    // Fails beyond the user's limit of pipe pages: the pipe then keeps its default size.
    fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(Pipe::kSize));
  }
  lent_++;
  return pipe;
}

void PipePool::Give(std::unique_ptr<Pipe> pipe) {
  lent_--;
  if (pipe->held == 0 && idle_.size() < kMostIdle) idle_.push_back(std::move(pipe));
}

}  // namespace oximy
