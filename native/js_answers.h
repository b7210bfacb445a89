#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <mutex>

namespace oximy {

/** Makes JavaScript's value of what was found, on its thread. */
using ToJs = std::function<Napi::Value(Napi::Env)>;

/** The promise that waits for an answer of another thread. */
struct Question {
  explicit Question(Napi::Env env) : deferred(Napi::Promise::Deferred::New(env)) {}
  Napi::Promise::Deferred deferred;
  ToJs answer;
};

/**
 * The way of answers to one JavaScript thread. It closes before the thread's environment is taken down: another thread
 * may answer after that, and Node's function is gone by then.
 */
class Answers {
 public:
  /** That of the calling environment, which it lives as long as. */
  static std::shared_ptr<Answers> Of(Napi::Env env) {
    auto* found = env.GetInstanceData<Holder>();
    if (found == nullptr) {
      found = new Holder{std::make_shared<Answers>(env)};
      env.SetInstanceData(found);
      // Of such hooks the last one that was added runs first: before that of the function.
      env.AddCleanupHook([](Answers* answers) { answers->Close(); }, found->answers.get());
    }
    return found->answers;
  }

  explicit Answers(Napi::Env env)
      : to_js_(Napi::ThreadSafeFunction::New(env, Napi::Function(), "oximy:answers", 0, 1)) {
    // An answer that never comes does not keep Node alive.
    to_js_.Unref(env);
  }

  /** From any thread. A question that comes too late stays: its promise belongs to what is gone. */
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
