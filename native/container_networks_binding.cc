#include "container_networks_binding.h"

#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "container_networks.h"
#include "js_answers.h"

namespace oximy {
namespace {

Endpoint EndpointAt(const Napi::Value& value) {
  if (!value.IsObject()) throw Napi::TypeError::New(value.Env(), "an endpoint must be {address, port}");
  const auto object = value.As<Napi::Object>();
  const auto port = static_cast<uint16_t>(object.Get("port").ToNumber().Uint32Value());
  const auto endpoint = ParseEndpoint(object.Get("address").ToString().Utf8Value(), port);
  if (!endpoint) throw Napi::TypeError::New(value.Env(), "not an IP address");
  return *endpoint;
}

uint32_t Id(const Napi::CallbackInfo& info) { return info[0].ToNumber().Uint32Value(); }

RulesFor Whom(const Napi::Value& value) {
  return value.ToString().Utf8Value() == "trial" ? RulesFor::kTrial : RulesFor::kAll;
}

/** The class `ContainerNetworks` of JavaScript: new ContainerNetworks(ports, allowQuic). */
class ContainerNetworksBinding final : public Napi::ObjectWrap<ContainerNetworksBinding> {
 public:
  static Napi::Function Define(Napi::Env env) {
    using Self = ContainerNetworksBinding;
    return DefineClass(env, "ContainerNetworks",
                       {InstanceMethod<&Self::ProxyEnd>("proxyEnd"),
                        InstanceMethod<&Self::CloseProxyEnd>("closeProxyEnd"), InstanceMethod<&Self::Open>("open"),
                        InstanceMethod<&Self::InstallRules>("installRules"), InstanceMethod<&Self::Rewrite>("rewrite"),
                        InstanceMethod<&Self::RemoveRules>("removeRules"), InstanceMethod<&Self::Cookie>("cookieOf"),
                        InstanceMethod<&Self::TakeChange>("takeChange"),
                        InstanceMethod<&Self::WatchFailure>("watchFailure"),
                        InstanceMethod<&Self::NextReports>("nextReports"), InstanceMethod<&Self::Close>("close"),
                        InstanceMethod<&Self::SocketOwnerIn>("socketOwner"),
                        InstanceMethod<&Self::OpenSocket>("openSocket"), InstanceMethod<&Self::HasRoute>("hasRoute"),
                        InstanceMethod<&Self::End>("end")});
  }

  explicit ContainerNetworksBinding(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    ContainerNetworkOptions options;
    const auto ports = info[0].As<Napi::Array>();
    for (uint32_t i = 0; i < ports.Length(); i++) {
      options.ports.push_back(static_cast<uint16_t>(ports.Get(i).ToNumber().Uint32Value()));
    }
    options.allow_quic = info[1].ToBoolean();
    try {
      networks_ = ContainerNetworks::Start(options);
    } catch (const std::system_error& error) {
      throw Napi::Error::New(info.Env(), error.what());
    }
  }

 private:
  ContainerNetworks& Networks(Napi::Env env) {
    if (!networks_) throw Napi::Error::New(env, "the networks are closed");
    return *networks_;
  }
  Napi::Value ProxyEnd(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), Networks(info.Env()).ProxyEnd());
  }
  void CloseProxyEnd(const Napi::CallbackInfo& info) { Networks(info.Env()).CloseProxyEnd(); }
  Napi::Value Open(const Napi::CallbackInfo& info) {
    ProcessRef process;
    process.pid = info[0].ToNumber().Int32Value();
    process.start_time = static_cast<uint64_t>(info[1].ToNumber().Int64Value());
    const OpenedNetwork opened = Networks(info.Env()).Open(process);
    if (opened.id == 0) return Napi::String::New(info.Env(), opened.error);
    return Napi::Number::New(info.Env(), opened.id);
  }
  Napi::Value InstallRules(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    auto* const question = new Question(env);
    const Napi::Promise promise = question->deferred.Promise();
    Networks(env).InstallRules(Id(info), Whom(info[1]), [question, answers = Answers::Of(env)](std::string failure) {
      question->answer = [failure = std::move(failure)](Napi::Env to) -> Napi::Value {
        return failure.empty() ? to.Null() : Napi::Value(Napi::String::New(to, failure));
      };
      answers->Give(question);
    });
    return promise;
  }
  Napi::Value Rewrite(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    Families families;
    const auto named = info[2].As<Napi::Array>();
    for (uint32_t i = 0; i < named.Length(); i++) {
      (named.Get(i).ToNumber().Uint32Value() == 6 ? families.ipv6 : families.ipv4) = true;
    }
    const std::string failure = Networks(env).Rewrite(Id(info), Whom(info[1]), families);
    return failure.empty() ? env.Null() : Napi::Value(Napi::String::New(env, failure));
  }
  void RemoveRules(const Napi::CallbackInfo& info) { Networks(info.Env()).RemoveRules(Id(info)); }
  Napi::Value Cookie(const Napi::CallbackInfo& info) {
    return Napi::BigInt::New(info.Env(), Networks(info.Env()).Cookie(Id(info)));
  }
  Napi::Value TakeChange(const Napi::CallbackInfo& info) {
    switch (Networks(info.Env()).TakeChange(Id(info))) {
      case NetworkChange::kRules:
        return Napi::String::New(info.Env(), "rules");
      case NetworkChange::kWays:
        return Napi::String::New(info.Env(), "ways");
      case NetworkChange::kNone:
        break;
    }
    return info.Env().Null();
  }
  Napi::Value WatchFailure(const Napi::CallbackInfo& info) {
    const std::string& why = Networks(info.Env()).WatchFailure();
    return why.empty() ? info.Env().Null() : Napi::Value(Napi::String::New(info.Env(), why));
  }
  Napi::Value NextReports(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    auto* const question = new Question(env);
    const Napi::Promise promise = question->deferred.Promise();
    Networks(env).AwaitReports([question, answers = Answers::Of(env)](NetworkReports reports) {
      question->answer = [reports](Napi::Env to) -> Napi::Value {
        auto object = Napi::Object::New(to);
        object.Set("networks", reports.networks);
        object.Set("changes", reports.changes);
        object.Set("connects", reports.connects);
        return object;
      };
      answers->Give(question);
    });
    return promise;
  }
  void Close(const Napi::CallbackInfo& info) { Networks(info.Env()).Close(Id(info)); }
  Napi::Value SocketOwnerIn(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const auto owner = Networks(env).FindOwner(Id(info), {EndpointAt(info[1]), EndpointAt(info[2])});
    if (!owner) return env.Null();
    auto object = Napi::Object::New(env);
    object.Set("inode", Napi::Number::New(env, static_cast<double>(owner->inode)));
    object.Set("uid", owner->uid ? Napi::Value(Napi::Number::New(env, *owner->uid)) : env.Null());
    object.Set("cookie", Napi::BigInt::New(env, owner->cookie));
    object.Set("cgroupId", owner->cgroup_id ? Napi::Value(Napi::BigInt::New(env, *owner->cgroup_id)) : env.Null());
    object.Set("pid", env.Null());
    return object;
  }
  Napi::Value OpenSocket(const Napi::CallbackInfo& info) {
    const auto family = info[1].ToNumber().Uint32Value() == 6 ? Endpoint::Family::kIPv6 : Endpoint::Family::kIPv4;
    return Napi::Number::New(info.Env(), Networks(info.Env()).OpenSocket(Id(info), family, Whom(info[2])));
  }
  Napi::Value HasRoute(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), Networks(info.Env()).HasRoute(Id(info), EndpointAt(info[1])));
  }
  /** All rules go, and all networks are let go of. */
  void End(const Napi::CallbackInfo&) { networks_.reset(); }

  std::unique_ptr<ContainerNetworks> networks_;
};

}  // namespace

void ExportContainerNetworks(Napi::Env env, Napi::Object exports) {
  exports.Set("ContainerNetworks",
              ContainerNetworks::Supported() ? Napi::Value(ContainerNetworksBinding::Define(env)) : env.Null());
}

}  // namespace oximy
