#include "process_end_binding.h"

#include "process_end.h"

namespace oximy {
namespace {

std::chrono::milliseconds MillisecondsFromJs(const Napi::Value& value) {
  return std::chrono::milliseconds(value.ToNumber().Int64Value());
}

void ExitAtLatestJs(const Napi::CallbackInfo& info) {
  ExitAtLatest(MillisecondsFromJs(info[0]), info[1].ToNumber().Int32Value());
}

void OutliveParentAtMostJs(const Napi::CallbackInfo& info) { OutliveParentAtMost(MillisecondsFromJs(info[0])); }

}  // namespace

void ExportProcessEnd(Napi::Env env, Napi::Object exports) {
  exports.Set("exitAtLatest", Napi::Function::New(env, ExitAtLatestJs, "exitAtLatest"));
  exports.Set("outliveParentAtMost", Napi::Function::New(env, OutliveParentAtMostJs, "outliveParentAtMost"));
}

}  // namespace oximy
