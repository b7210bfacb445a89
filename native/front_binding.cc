#include "front_binding.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <system_error>
#include <variant>
#include <vector>

#include "front.h"
#include "front_tap_memory.h"

namespace oximy {
namespace {

const char* Name(PeekReason reason) {
  constexpr const char* kNames[] = {"client_hello", "http", "other", "timeout", "closed"};
  return kNames[static_cast<size_t>(reason)];
}

const char* Name(PassthroughCause cause) {
  constexpr const char* kNames[] = {"ended", "client_reset", "server_reset", "connect_failed", "idle", "destroyed"};
  return kNames[static_cast<size_t>(cause)];
}

Endpoint ToEndpoint(const Napi::Value& address, const Napi::Value& port) {
  const auto endpoint = ParseEndpoint(address.ToString().Utf8Value(), port.ToNumber().Uint32Value());
  if (!endpoint) throw Napi::TypeError::New(address.Env(), "not an IP address: " + address.ToString().Utf8Value());
  return *endpoint;
}

Napi::Error ToError(Napi::Env env, const std::system_error& error) {
  auto thrown = Napi::Error::New(env, error.what());
  thrown.Set("errno", Napi::Number::New(env, error.code().value()));
  return thrown;
}

uint64_t ToId(const Napi::Value& value) { return static_cast<uint64_t>(value.ToNumber().Int64Value()); }

struct Closed {};
using Event = std::variant<FrontConnection, PassthroughEnd, TapBatch, Closed>;

/** Called without JavaScript, on any thread. */
void Drop(Event* event) {
  if (auto* batch = std::get_if<TapBatch>(event)) TapMemory::Abandon(std::move(batch->buffer));
  delete event;
}

/**
 * The JavaScript class `Front`: new Front(options, onConnection, onPassthroughEnd, onClosed, onTap). Takes plain
 * arguments instead of objects: src/proxy/accept/front.ts turns them into objects.
 */
class FrontBinding final : public Napi::ObjectWrap<FrontBinding>, private FrontEvents {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, "Front",
        {InstanceMethod<&FrontBinding::Addresses>("addresses"),
         InstanceMethod<&FrontBinding::Passthrough>("passthrough"), InstanceMethod<&FrontBinding::Take>("take"),
         InstanceMethod<&FrontBinding::Reject>("reject"), InstanceMethod<&FrontBinding::Adopt>("adopt"),
         InstanceMethod<&FrontBinding::Read>("read"), InstanceMethod<&FrontBinding::AdoptRead>("adoptRead"),
         InstanceMethod<&FrontBinding::Release>("release"), InstanceMethod<&FrontBinding::TapConsumed>("tapConsumed"),
         InstanceMethod<&FrontBinding::StopTap>("stopTap"),
         InstanceMethod<&FrontBinding::GiveTapBuffer>("giveTapBuffer"), InstanceMethod<&FrontBinding::Close>("close"),
         InstanceMethod<&FrontBinding::Destroy>("destroy"), InstanceMethod<&FrontBinding::Stats>("stats")});
  }

  explicit FrontBinding(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    const Napi::Env env = info.Env();
    const auto options = info[0].As<Napi::Object>();
    FrontOptions parsed;
    const auto listen = options.Get("listen").As<Napi::Array>();
    for (uint32_t i = 0; i < listen.Length(); i++) {
      const auto at = listen.Get(i).As<Napi::Object>();
      parsed.listen.push_back(ToEndpoint(at.Get("address"), at.Get("port")));
    }
    const auto number = [&options](const char* name) { return options.Get(name).ToNumber().Uint32Value(); };
    parsed.silence_ms = number("silenceMs");
    parsed.hello_ms = number("helloMs");
    parsed.verdict_ms = number("verdictMs");
    parsed.idle_ms = number("idleMs");
    parsed.max_connections = number("maxConnections");
    parsed.turn_away_ms = number("turnAwayMs");
    parsed.hold_ms = number("holdMs");
    parsed.tap_gather_ms = number("tapGatherMs");
    parsed.guests = options.Get("guests").ToNumber().Int32Value();
    parsed.epoch_offset_ms = options.Get("epochOffsetMs").ToNumber().DoubleValue();
    on_connection_ = Napi::Persistent(info[1].As<Napi::Function>());
    on_passthrough_end_ = Napi::Persistent(info[2].As<Napi::Function>());
    on_closed_ = Napi::Persistent(info[3].As<Napi::Function>());
    on_tap_ = Napi::Persistent(info[4].As<Napi::Function>());
    to_js_ = ToJs::New(env, "oximy front", 0, 1, this);
    try {
      front_ = Front::Start(parsed, *this);
    } catch (const std::system_error& error) {
      to_js_.Release();
      throw ToError(env, error);
    }
    // It must not be collected before it is closed, and its thread must end before the environment does.
    Ref();
    napi_add_env_cleanup_hook(env, EndThread, this);
  }
  ~FrontBinding() override { napi_remove_env_cleanup_hook(Env(), EndThread, this); }

 private:
  static void EndThread(void* self) { static_cast<FrontBinding*>(self)->front_.reset(); }

  static void Deliver(Napi::Env env, Napi::Function, FrontBinding* self, Event* event) {
    if (env == nullptr) return Drop(event);
    const std::unique_ptr<Event> owned(event);
    const Napi::HandleScope scope(env);
    std::visit([&](auto& of) { self->Emit(env, of); }, *owned);
  }
  using ToJs = Napi::TypedThreadSafeFunction<FrontBinding, Event, Deliver>;

  void OnConnection(FrontConnection connection) override { Queue(new Event(std::move(connection))); }
  void OnPassthroughEnd(PassthroughEnd end) override { Queue(new Event(end)); }
  void OnTap(TapBatch batch) override { Queue(new Event(std::move(batch))); }
  void OnClosed() override { Queue(new Event(Closed{})); }
  void Queue(Event* event) {
    if (to_js_.NonBlockingCall(event) != napi_ok) Drop(event);
  }

  void Emit(Napi::Env env, const FrontConnection& connection) {
    const auto& [id, peer, local, destination, peeked, reason, network] = connection;
    on_connection_.Call({Napi::Number::New(env, static_cast<double>(id)), Napi::String::New(env, FormatAddress(peer)),
                         Napi::Number::New(env, peer.port), Napi::String::New(env, FormatAddress(local)),
                         Napi::Number::New(env, local.port),
                         destination ? Napi::Value(Napi::String::New(env, FormatAddress(*destination))) : env.Null(),
                         Napi::Number::New(env, destination ? destination->port : 0),
                         Napi::Buffer<char>::Copy(env, peeked.data(), peeked.size()),
                         Napi::String::New(env, Name(reason)), Napi::Number::New(env, network)});
  }
  void Emit(Napi::Env env, const PassthroughEnd& end) {
    on_passthrough_end_.Call(
        {Napi::Number::New(env, static_cast<double>(end.id)), Napi::Number::New(env, static_cast<double>(end.bytes_up)),
         Napi::Number::New(env, static_cast<double>(end.bytes_down)), Napi::Number::New(env, end.duration_ms),
         Napi::String::New(env, Name(end.cause)), Napi::Number::New(env, end.error)});
  }
  void Emit(Napi::Env env, TapBatch& batch) {
    const auto numbers = [env](const std::vector<double>& values) {
      auto array = Napi::Float64Array::New(env, values.size());
      std::copy(values.begin(), values.end(), array.Data());
      return array;
    };
    const auto bytes = TapMemory::ToArray(env, batch, *front_);
    auto lost = Napi::Array::New(env, batch.lost.size());
    for (uint32_t i = 0; i < batch.lost.size(); i++)
      lost.Set(i, Napi::Number::New(env, static_cast<double>(batch.lost[i])));
    // From here on the next batch may be sent.
    batch.token.reset();
    on_tap_.Call({numbers(batch.ops), bytes, numbers(batch.shares), lost});
  }
  void Emit(Napi::Env, Closed) {
    last_stats_ = front_->Stats();
    front_.reset();
    to_js_.Release();
    Unref();
    on_closed_.Call({});
  }

  Napi::Value Addresses(const Napi::CallbackInfo& info) {
    const auto addresses = front_ ? front_->Addresses() : std::vector<Endpoint>();
    auto list = Napi::Array::New(info.Env(), addresses.size());
    for (uint32_t i = 0; i < addresses.size(); i++) {
      auto endpoint = Napi::Object::New(info.Env());
      endpoint.Set("address", FormatAddress(addresses[i]));
      endpoint.Set("port", Napi::Number::New(info.Env(), addresses[i].port));
      list.Set(i, endpoint);
    }
    return list;
  }
  Napi::Value Passthrough(const Napi::CallbackInfo& info) {
    const Endpoint to = ToEndpoint(info[1], info[2]);
    return Napi::Boolean::New(info.Env(), front_ && front_->Passthrough(ToId(info[0]), to));
  }
  Napi::Value Take(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), front_ ? front_->Take(ToId(info[0])) : -1);
  }
  Napi::Value Reject(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), front_ && front_->Reject(ToId(info[0])));
  }
  Napi::Value Adopt(const Napi::CallbackInfo& info) {
    return AdoptBy(info, [&](int fd, std::string preface, const Endpoint& to) {
      return front_->Adopt(fd, std::move(preface), to);
    });
  }
  template <typename Adopting>
  Napi::Value AdoptBy(const Napi::CallbackInfo& info, Adopting adopt) {
    const auto bytes = info[1].As<Napi::Uint8Array>();
    std::string preface(reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength());
    try {
      if (!front_) throw std::system_error(ECANCELED, std::generic_category(), "front is closed");
      const uint64_t id = adopt(info[0].ToNumber().Int32Value(), std::move(preface), ToEndpoint(info[2], info[3]));
      return Napi::Number::New(info.Env(), static_cast<double>(id));
    } catch (const std::system_error& error) {
      throw ToError(info.Env(), error);
    }
  }
  static ReadOptions ToReadOptions(const Napi::CallbackInfo& info, size_t first) {
    ReadOptions options;
    options.max_tap_bytes = info[first].ToNumber().Int64Value();
    options.hold = info[first + 1].ToBoolean();
    options.tap_id = ToId(info[first + 2]);
    return options;
  }
  Napi::Value Read(const Napi::CallbackInfo& info) {
    const Endpoint to = ToEndpoint(info[1], info[2]);
    if (front_) TapMemory::Supply(info.Env(), *front_);
    return Napi::Boolean::New(info.Env(), front_ && front_->Read(ToId(info[0]), to, ToReadOptions(info, 3)));
  }
  Napi::Value AdoptRead(const Napi::CallbackInfo& info) {
    const ReadOptions options = ToReadOptions(info, 4);
    if (front_) TapMemory::Supply(info.Env(), *front_);
    return AdoptBy(info, [&](int fd, std::string preface, const Endpoint& to) {
      return front_->AdoptRead(fd, std::move(preface), to, options);
    });
  }
  void Release(const Napi::CallbackInfo& info) {
    if (front_) front_->Release(ToId(info[0]));
  }
  void TapConsumed(const Napi::CallbackInfo& info) {
    if (front_) front_->TapConsumed(ToId(info[0]), ToId(info[1]));
  }
  void StopTap(const Napi::CallbackInfo& info) {
    if (front_) front_->StopTap(ToId(info[0]));
  }
  void GiveTapBuffer(const Napi::CallbackInfo& info) {
    if (front_) TapMemory::Give(info[0].As<Napi::ArrayBuffer>(), *front_);
  }
  void Close(const Napi::CallbackInfo&) {
    if (front_) front_->Close();
  }
  void Destroy(const Napi::CallbackInfo&) {
    if (front_) front_->Destroy();
  }

  Napi::Value Stats(const Napi::CallbackInfo& info) {
    const FrontStats stats = front_ ? front_->Stats() : last_stats_;
    auto object = Napi::Object::New(info.Env());
    const auto set = [&](const char* name, uint64_t value) {
      object.Set(name, Napi::Number::New(info.Env(), static_cast<double>(value)));
    };
    set("accepted", stats.accepted);
    set("peeking", stats.peeking);
    set("waiting", stats.waiting);
    set("passing", stats.passing);
    set("taken", stats.taken);
    set("rejected", stats.rejected);
    set("passed", stats.passed);
    set("read", stats.read);
    set("lostTaps", stats.lost_taps);
    set("aborted", stats.aborted);
    set("unanswered", stats.unanswered);
    set("acceptPauses", stats.accept_pauses);
    set("turnedAway", stats.turned_away);
    set("maxConnections", stats.max_connections);
    return object;
  }

  Napi::FunctionReference on_connection_;
  Napi::FunctionReference on_passthrough_end_;
  Napi::FunctionReference on_closed_;
  Napi::FunctionReference on_tap_;
  ToJs to_js_;
  FrontStats last_stats_;
  /** Null once closed. */
  std::unique_ptr<Front> front_;
};

}  // namespace

void ExportFront(Napi::Env env, Napi::Object exports) {
  exports.Set("Front", Front::Supported() ? Napi::Value(FrontBinding::Define(env)) : env.Null());
}

}  // namespace oximy
