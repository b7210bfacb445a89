#include "attribution_binding.h"

#include <chrono>
#include <ctime>
#include <string>

#include "confinement.h"
#include "connect_recorder.h"
#include "core_dumps.h"
#include "implementation.h"
#include "original_destination.h"
#include "process_finder.h"
#include "process_info.h"
#include "send_state.h"
#include "socket_owner.h"

namespace oximy {
namespace {

// The clock of the records. macOS has no records.
#ifdef CLOCK_BOOTTIME
constexpr clockid_t kBootClock = CLOCK_BOOTTIME;
#else
constexpr clockid_t kBootClock = CLOCK_MONOTONIC;
#endif

using Clock = std::chrono::steady_clock;

/** For searches on the event loop, which block everything else. */
constexpr std::chrono::milliseconds kLongestOnLoop{2};

uint16_t PortFromJs(const Napi::Value& value, const char* what) {
  if (!value.IsNumber()) throw Napi::TypeError::New(value.Env(), std::string(what) + ": a port must be a number");
  const double number = value.As<Napi::Number>().DoubleValue();
  if (!(number >= 0 && number <= 65535))
    throw Napi::RangeError::New(value.Env(), std::string(what) + ": port out of range");
  return static_cast<uint16_t>(number);
}

Endpoint EndpointFromJs(const Napi::Value& value, const char* what) {
  Napi::Env env = value.Env();
  if (!value.IsObject()) throw Napi::TypeError::New(env, std::string(what) + " must be {address, port}");
  const auto object = value.As<Napi::Object>();
  const Napi::Value address = object.Get("address");
  if (!address.IsString()) throw Napi::TypeError::New(env, std::string(what) + ": the address must be a string");
  const uint16_t port = PortFromJs(object.Get("port"), what);
  const auto endpoint = ParseEndpoint(address.As<Napi::String>().Utf8Value(), port);
  if (!endpoint) throw Napi::TypeError::New(env, std::string(what) + ": not an IP address");
  return *endpoint;
}

SocketTuple TupleFromJs(const Napi::Value& value) {
  if (!value.IsObject()) throw Napi::TypeError::New(value.Env(), "tuple must be {local, remote}");
  const auto object = value.As<Napi::Object>();
  return {EndpointFromJs(object.Get("local"), "local"), EndpointFromJs(object.Get("remote"), "remote")};
}

Napi::Object EndpointToJs(Napi::Env env, const Endpoint& endpoint) {
  auto object = Napi::Object::New(env);
  object.Set("address", FormatAddress(endpoint));
  object.Set("port", Napi::Number::New(env, endpoint.port));
  return object;
}

template <typename T>
Napi::Value NumberOrNull(Napi::Env env, const std::optional<T>& value) {
  return value ? Napi::Value(Napi::Number::New(env, static_cast<double>(*value))) : env.Null();
}

Napi::Value TextOrNull(Napi::Env env, const std::string& text) {
  return text.empty() ? env.Null() : Napi::Value(Napi::String::New(env, text));
}

std::optional<uint64_t> OptionalU64(const Napi::Value& value) {
  if (!value.IsBigInt()) return std::nullopt;
  bool lossless = false;
  return value.As<Napi::BigInt>().Uint64Value(&lossless);
}

int IntegerArgument(const Napi::CallbackInfo& info, size_t index, const char* what) {
  if (!info[index].IsNumber()) throw Napi::TypeError::New(info.Env(), std::string(what) + " must be a number");
  return info[index].As<Napi::Number>().Int32Value();
}

Napi::Value OriginalDestinationJs(const Napi::CallbackInfo& info) {
  const auto destination = OriginalDestination(IntegerArgument(info, 0, "fd"));
  return destination ? Napi::Value(EndpointToJs(info.Env(), *destination)) : info.Env().Null();
}

Napi::Value SocketOwnerJs(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const auto owner = FindSocketOwner(TupleFromJs(info[0]));
  if (!owner) return env.Null();
  auto object = Napi::Object::New(env);
  object.Set("inode", Napi::Number::New(env, static_cast<double>(owner->inode)));
  object.Set("uid", NumberOrNull(env, owner->uid));
  object.Set("cookie", Napi::BigInt::New(env, owner->cookie));
  object.Set("cgroupId", owner->cgroup_id ? Napi::Value(Napi::BigInt::New(env, *owner->cgroup_id)) : env.Null());
  object.Set("pid", NumberOrNull(env, owner->pid));
  return object;
}

Napi::Object ProcessToJs(Napi::Env env, const ProcessInfo& process) {
  auto object = Napi::Object::New(env);
  object.Set("pid", Napi::Number::New(env, process.pid));
  object.Set("ppid", Napi::Number::New(env, process.ppid));
  object.Set("uid", Napi::Number::New(env, process.uid));
  object.Set("startTime", Napi::Number::New(env, static_cast<double>(process.start_time)));
  object.Set("path", TextOrNull(env, process.path));
  object.Set("name", process.name);
  auto command_line = Napi::Array::New(env, process.command_line.size());
  for (uint32_t i = 0; i < process.command_line.size(); i++) command_line.Set(i, process.command_line[i]);
  object.Set("commandLine", command_line);
  object.Set("cgroup", TextOrNull(env, process.cgroup));
  object.Set("responsiblePid", NumberOrNull(env, process.responsible_pid));
  return object;
}

Napi::Value ProcessInfoJs(const Napi::CallbackInfo& info) {
  const auto process = ReadProcessInfo(IntegerArgument(info, 0, "pid"));
  return process ? Napi::Value(ProcessToJs(info.Env(), *process)) : info.Env().Null();
}

Napi::Value AttachConnectRecorderJs(const Napi::CallbackInfo& info) {
  WantedConnections wanted;
  if (info[0].IsArray()) {
    const auto array = info[0].As<Napi::Array>();
    for (uint32_t i = 0; i < array.Length(); i++) wanted.ports.push_back(PortFromJs(array.Get(i), "ports"));
  }
  if (info[1].IsNumber()) wanted.unwanted_gid = info[1].As<Napi::Number>().Uint32Value();
  wanted.all_networks = info[2].IsString() && info[2].ToString().Utf8Value() == "all_networks";
  return TextOrNull(info.Env(), AttachConnectRecorder(wanted));
}

Napi::Value TakeForeignConnectsJs(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto connects = TakeForeignConnects();
  auto array = Napi::Array::New(env, connects.size());
  timespec now{};
  if (!connects.empty()) clock_gettime(kBootClock, &now);
  const double now_ms = static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
  for (uint32_t i = 0; i < connects.size(); i++) {
    auto object = Napi::Object::New(env);
    object.Set("network", Napi::BigInt::New(env, connects[i].network));
    object.Set("pid", Napi::Number::New(env, connects[i].pid));
    object.Set("msAgo", Napi::Number::New(env, now_ms - static_cast<double>(connects[i].boot_time) / 1e6));
    array.Set(i, object);
  }
  return array;
}

void DetachConnectRecorderJs(const Napi::CallbackInfo&) { DetachConnectRecorder(); }

std::optional<ConnectRecord> RecordFromArguments(const Napi::CallbackInfo& info) {
  const auto cookie = OptionalU64(info[1]);
  // Reading the tuple costs more than the lookup, and with a cookie it is not needed.
  return FindConnectRecord(cookie ? SocketTuple{} : TupleFromJs(info[0]), cookie);
}

Napi::Value ConnectRecordJs(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const auto record = RecordFromArguments(info);
  if (!record) return env.Null();
  auto object = Napi::Object::New(env);
  object.Set("cookie", Napi::BigInt::New(env, record->cookie));
  object.Set("pid", Napi::Number::New(env, record->pid));
  object.Set("uid", Napi::Number::New(env, record->uid));
  object.Set("name", record->name);
  const ProcessInfo* process = record->processes.empty() ? nullptr : record->processes.front().get();
  object.Set("startTime",
             process ? Napi::Value(Napi::Number::New(env, static_cast<double>(process->start_time))) : env.Null());
  object.Set("path", process ? TextOrNull(env, process->path) : env.Null());
  return object;
}

Napi::Value RecordedProcessesJs(const Napi::CallbackInfo& info) {
  const auto record = RecordFromArguments(info);
  auto processes = Napi::Array::New(info.Env());
  if (!record) return processes;
  for (uint32_t i = 0; i < record->processes.size(); i++) {
    processes.Set(i, ProcessToJs(info.Env(), *record->processes[i]));
  }
  return processes;
}

Napi::Value FindUserBelowJs(const Napi::CallbackInfo& info) {
  if (!info[1].IsNumber()) throw Napi::TypeError::New(info.Env(), "inode must be a number");
  const auto inode = static_cast<uint64_t>(info[1].As<Napi::Number>().Int64Value());
  const auto user = FindUserBelow(IntegerArgument(info, 0, "pid"), inode, Clock::now() + kLongestOnLoop);
  return NumberOrNull(info.Env(), user);
}

/** Walks the processes on libuv's thread pool. */
class FindProcessWorker : public Napi::AsyncWorker {
 public:
  FindProcessWorker(Napi::Env env, uint64_t inode, FinderHints hints, Clock::time_point deadline)
      : Napi::AsyncWorker(env, "oximy:findProcess"),
        deferred_(Napi::Promise::Deferred::New(env)),
        inode_(inode),
        hints_(std::move(hints)),
        deadline_(deadline) {}

  Napi::Promise Promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override { pid_ = FindProcess(inode_, hints_, deadline_); }
  void OnOK() override { deferred_.Resolve(NumberOrNull(Env(), pid_)); }
  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 private:
  Napi::Promise::Deferred deferred_;
  uint64_t inode_;
  FinderHints hints_;
  Clock::time_point deadline_;
  std::optional<int> pid_;
};

FinderHints HintsFromJs(const Napi::Value& value) {
  FinderHints hints;
  if (!value.IsObject()) return hints;
  const auto object = value.As<Napi::Object>();
  if (const auto candidates = object.Get("candidates"); candidates.IsArray()) {
    const auto array = candidates.As<Napi::Array>();
    for (uint32_t i = 0; i < array.Length(); i++) {
      if (const Napi::Value pid = array.Get(i); pid.IsNumber()) {
        hints.candidates.push_back(pid.As<Napi::Number>().Int32Value());
      }
    }
  }
  if (const auto uid = object.Get("uid"); uid.IsNumber()) hints.uid = uid.As<Napi::Number>().Uint32Value();
  hints.cgroup_id = OptionalU64(object.Get("cgroupId"));
  return hints;
}

Napi::Value FindProcessJs(const Napi::CallbackInfo& info) {
  if (!info[0].IsNumber()) throw Napi::TypeError::New(info.Env(), "inode must be a number");
  const auto inode = static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value());
  std::chrono::milliseconds limit{200};
  if (info[2].IsNumber()) limit = std::chrono::milliseconds(info[2].As<Napi::Number>().Int64Value());
  // The limit counts from the call: a lookup that waited long for a thread has no time left to search.
  auto* worker = new FindProcessWorker(info.Env(), inode, HintsFromJs(info[1]), Clock::now() + limit);
  worker->Queue();
  return worker->Promise();
}

}  // namespace

Napi::Value SendStateJs(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsNumber()) throw Napi::TypeError::New(env, "fd must be a number");
  const auto state = ReadSendState(info[0].As<Napi::Number>().Int32Value());
  if (!state) return env.Null();
  auto object = Napi::Object::New(env);
  object.Set("unacknowledged", Napi::Number::New(env, state->unacknowledged));
  object.Set("peerEnded", Napi::Boolean::New(env, state->peer_ended));
  return object;
}

void ExportAttribution(Napi::Env env, Napi::Object exports) {
  exports.Set("implementation", kImplementation);
  exports.Set("originalDestination", Napi::Function::New(env, OriginalDestinationJs, "originalDestination"));
  exports.Set("forbidCoreDumps",
              Napi::Function::New(
                  env, [](const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), ForbidCoreDumps()); },
                  "forbidCoreDumps"));
  exports.Set("hideMemory",
              Napi::Function::New(
                  env, [](const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), HideMemory()); },
                  "hideMemory"));
  exports.Set("confine",
              Napi::Function::New(
                  env, [](const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), Confine()); },
                  "confine"));
  exports.Set("sendState", Napi::Function::New(env, SendStateJs, "sendState"));
  exports.Set("socketOwner", Napi::Function::New(env, SocketOwnerJs, "socketOwner"));
  exports.Set("processInfo", Napi::Function::New(env, ProcessInfoJs, "processInfo"));
  exports.Set("attachConnectRecorder", Napi::Function::New(env, AttachConnectRecorderJs, "attachConnectRecorder"));
  exports.Set("detachConnectRecorder", Napi::Function::New(env, DetachConnectRecorderJs, "detachConnectRecorder"));
  exports.Set("takeForeignConnects", Napi::Function::New(env, TakeForeignConnectsJs, "takeForeignConnects"));
  exports.Set("connectRecord", Napi::Function::New(env, ConnectRecordJs, "connectRecord"));
  exports.Set("recordedProcesses", Napi::Function::New(env, RecordedProcessesJs, "recordedProcesses"));
  exports.Set("findUserBelow", Napi::Function::New(env, FindUserBelowJs, "findUserBelow"));
  exports.Set("findProcess", Napi::Function::New(env, FindProcessJs, "findProcess"));
}

}  // namespace oximy
