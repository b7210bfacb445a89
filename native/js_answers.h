#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <mutex>

namespace oximy {

/** Converts a result to its JavaScript value, on the JavaScript thread. */
using ToJs = std::function<Napi::Value(Napi::Env)>;

/** The promise that waits for the result of another thread. */
struct Question {
  explicit Question(Napi::Env env) : deferred(Napi::Promise::Deferred::New(env)) {}
  Napi::Promise::Deferred deferred;
  ToJs answer;
};

/**
 * Delivers results to one JavaScript thread. It closes before the thread's environment is torn down: another thread
 * may finish after that, when Node's function no longer exists.
 */
class Answers {
 public:
  /** The one of the calling environment, which it lives as long as. */
  static std::shared_ptr<Answers> Of(Napi::Env env) {
    auto* found = env.GetInstanceData<Holder>();
    if (found == nullptr) {
      found = new Holder{std::make_shared<Answers>(env)};
      env.SetInstanceData(found);
      // Cleanup hooks run in reverse order of their addition: this one before the function's own.
      env.AddCleanupHook([](Answers* answers) { answers->Close(); }, found->answers.get());
    }
    return found->answers;
  }

  explicit Answers(Napi::Env env)
      : to_js_(Napi::ThreadSafeFunction::New(env, Napi::Function(), "oximy:answers", 0, 1)) {
    // A pending result does not keep Node alive.
    to_js_.Unref(env);
  }

  /** From any thread. After `Close` the question leaks: its promise belongs to an environment that no longer exists. */
  void Give(Question* question) {
    const std::lock_guard<std::mutex> guard(lock_);
    if (closed_) return;
    to_js_.NonBlockingCall(question, [](Napi::Env to, Napi::Function, Question* answered) {
      const std::unique_ptr<Question> own(answered);
      own->deferred.Resolve(own->answer(to));
    });
  }

 private:
  struct Holder {
    std::shared_ptr<Answers> answers;
  };

  void Close() {
    const std::lock_guard<std::mutex> guard(lock_);
    closed_ = true;
  }

  std::mutex lock_;
  bool closed_ = false;
  Napi::ThreadSafeFunction to_js_;
};

}  // namespace oximy
