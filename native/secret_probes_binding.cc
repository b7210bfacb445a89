#include "secret_probes_binding.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "secret_probes.h"
#include "unique_fd.h"

namespace oximy {
namespace {

struct NamedKind {
  std::string_view name;
  SiteKind kind;
};

constexpr NamedKind kKinds[] = {
    {"keylog", SiteKind::kKeylog},
    {"go", SiteKind::kGo},
    {"rustls_will_log", SiteKind::kRustlsWillLog},
    {"rustls_log", SiteKind::kRustlsLog},
    {"nss_hmac_create", SiteKind::kNssHmacCreate},
    {"nss_hmac_init", SiteKind::kNssHmacInit},
};

Napi::Error ToError(Napi::Env env, const std::system_error& error) {
  auto thrown = Napi::Error::New(env, error.what());
  thrown.Set("errno", Napi::Number::New(env, error.code().value()));
  return thrown;
}

ProbeMethod MethodFromJs(const Napi::Value& value) {
  if (!value.IsString()) return ProbeMethod::kBest;
  const auto name = value.As<Napi::String>().Utf8Value();
  return name == "multi" ? ProbeMethod::kMulti : name == "perf" ? ProbeMethod::kPerf : ProbeMethod::kBest;
}

std::vector<ProbeSite> SitesFromJs(const Napi::Value& value) {
  std::vector<ProbeSite> sites;
  if (!value.IsArray()) throw Napi::TypeError::New(value.Env(), "sites must be an array");
  const auto array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); i++) {
    const auto site = array.Get(i).As<Napi::Object>();
    const auto name = site.Get("kind").ToString().Utf8Value();
    const auto* kind =
        std::find_if(std::begin(kKinds), std::end(kKinds), [&](const auto& of) { return of.name == name; });
    if (kind == std::end(kKinds)) throw Napi::TypeError::New(value.Env(), "no such kind of site: " + name);
    const int64_t offset = site.Get("offset").ToNumber().Int64Value();
    if (offset <= 0) throw Napi::RangeError::New(value.Env(), "offset out of range");
    sites.push_back({kind->kind, static_cast<uint64_t>(offset)});
  }
  return sites;
}

/** Places probes on libuv's thread pool. */
class AttachWorker : public Napi::AsyncWorker {
 public:
  AttachWorker(Napi::Env env, std::shared_ptr<SecretProbes> probes, UniqueFd file, std::string key,
               std::vector<ProbeSite> sites)
      : Napi::AsyncWorker(env, "oximy:attachProbes"),
        deferred_(Napi::Promise::Deferred::New(env)),
        probes_(std::move(probes)),
        file_(std::move(file)),
        key_(std::move(key)),
        sites_(std::move(sites)) {}

  Napi::Promise Promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override {
    try {
      handle_ = probes_->Attach(file_.release(), key_, sites_);
    } catch (const std::system_error& error) {
      errno_ = error.code().value();
      SetError(error.what());
    }
  }
  void OnOK() override { deferred_.Resolve(Napi::Number::New(Env(), handle_)); }
  void OnError(const Napi::Error& error) override {
    error.Value().As<Napi::Object>().Set("errno", Napi::Number::New(Env(), errno_));
    deferred_.Reject(error.Value());
  }

 private:
  Napi::Promise::Deferred deferred_;
  std::shared_ptr<SecretProbes> probes_;
  UniqueFd file_;
  std::string key_;
  std::vector<ProbeSite> sites_;
  uint32_t handle_ = 0;
  int errno_ = 0;
};

/** The JavaScript class `SecretProbes`, typed in src/secrets/probes.ts. */
class SecretProbesBinding final : public Napi::ObjectWrap<SecretProbesBinding> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, "SecretProbes",
        {InstanceMethod<&SecretProbesBinding::Attach>("attach"), InstanceMethod<&SecretProbesBinding::Detach>("detach"),
         InstanceMethod<&SecretProbesBinding::Want>("want"), InstanceMethod<&SecretProbesBinding::Unwant>("unwant"),
         InstanceMethod<&SecretProbesBinding::Stats>("stats"), InstanceMethod<&SecretProbesBinding::Close>("close")});
  }

  explicit SecretProbesBinding(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    SecretProbeOptions options;
    options.method = MethodFromJs(info[1]);
    if (info[2].IsNumber()) options.wanted_ms = info[2].As<Napi::Number>().Uint32Value();
    try {
      probes_ = SecretProbes::Start(info[0].ToNumber().Int32Value(), options);
    } catch (const std::system_error& error) {
      throw ToError(info.Env(), error);
    }
    napi_add_env_cleanup_hook(info.Env(), EndThreads, this);
  }
  ~SecretProbesBinding() override { napi_remove_env_cleanup_hook(Env(), EndThreads, this); }

 private:
  static void EndThreads(void* self) { static_cast<SecretProbesBinding*>(self)->probes_->Close(); }

  Napi::Value Attach(const Napi::CallbackInfo& info) {
    // A duplicate, so that the caller cannot close it meanwhile.
    UniqueFd file(fcntl(info[0].ToNumber().Int32Value(), F_DUPFD_CLOEXEC, 3));
    if (!file) throw ToError(info.Env(), std::system_error(errno, std::generic_category(), "the executable"));
    auto* worker =
        new AttachWorker(info.Env(), probes_, std::move(file), info[1].ToString().Utf8Value(), SitesFromJs(info[2]));
    worker->Queue();
    return worker->Promise();
  }
  void Detach(const Napi::CallbackInfo& info) { probes_->Detach(info[0].ToNumber().Uint32Value()); }

  Napi::Value Want(const Napi::CallbackInfo& info) {
    if (!info[2].IsTypedArray()) throw Napi::TypeError::New(info.Env(), "random must be a Uint8Array");
    const auto bytes = info[2].As<Napi::Uint8Array>();
    uint8_t random[32];
    if (bytes.ByteLength() != sizeof random) throw Napi::RangeError::New(info.Env(), "random must have 32 bytes");
    std::copy_n(bytes.Data(), sizeof random, random);
    return Napi::Boolean::New(info.Env(), probes_->Want(info[0].ToNumber().Uint32Value(),
                                                        info[1].ToNumber().Uint32Value(), random));
  }
  void Unwant(const Napi::CallbackInfo& info) { probes_->Unwant(info[0].ToNumber().Uint32Value()); }

  Napi::Value Stats(const Napi::CallbackInfo& info) {
    const SecretProbeStats stats = probes_->Stats();
    auto object = Napi::Object::New(info.Env());
    const auto set = [&](const char* name, uint64_t value) {
      object.Set(name, Napi::Number::New(info.Env(), static_cast<double>(value)));
    };
    set("probes", stats.probes);
    set("wanted", stats.wanted);
    set("places", stats.places);
    set("records", stats.records);
    set("forwarded", stats.forwarded);
    set("candidates", stats.candidates);
    set("foreign", stats.foreign);
    set("unneeded", stats.unneeded);
    set("dropped", stats.dropped);
    set("refusedByProcess", stats.refused_by_process);
    set("refusedByRandom", stats.refused_by_random);
    set("unreadable", stats.unreadable);
    set("lost", stats.lost);
    return object;
  }
  void Close(const Napi::CallbackInfo&) { probes_->Close(); }

  std::shared_ptr<SecretProbes> probes_;
};

Napi::Value SupportJs(const Napi::CallbackInfo& info) {
  const auto reason = SecretProbes::Support(MethodFromJs(info[0]));
  return reason.empty() ? info.Env().Null() : Napi::Value(Napi::String::New(info.Env(), reason));
}

}  // namespace

void ExportSecretProbes(Napi::Env env, Napi::Object exports) {
  exports.Set("SecretProbes", SecretProbesBinding::Define(env));
  exports.Set("secretProbesSupport", Napi::Function::New(env, SupportJs, "secretProbesSupport"));
}

}  // namespace oximy
