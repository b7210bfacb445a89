#include "aead_binding.h"

#include <memory>
#include <string>

#include "aead_decipher.h"

namespace oximy {
namespace {

struct Span {
  uint8_t* data;
  size_t size;
};

/** Raw N-API: the wrappers also fetch the underlying ArrayBuffer, which costs more than decrypting a small record. */
Span SpanFromJs(Napi::Env env, napi_value value) {
  void* data = nullptr;
  size_t size = 0;
  if (napi_get_buffer_info(env, value, &data, &size) != napi_ok) throw Napi::TypeError::New(env, "a Buffer is needed");
  return {static_cast<uint8_t*>(data), size};
}

size_t NumberFromJs(Napi::Env env, napi_value value) {
  uint32_t number = 0;
  if (napi_get_value_uint32(env, value, &number) != napi_ok) throw Napi::TypeError::New(env, "a number is needed");
  return number;
}

Aead KindFromJs(const Napi::Value& value) {
  const std::string name = value.IsString() ? value.As<Napi::String>().Utf8Value() : "";
  if (name == "aes-128-gcm" || name == "aes-256-gcm") return Aead::kAesGcm;
  if (name == "chacha20-poly1305") return Aead::kChaCha20Poly1305;
  throw Napi::TypeError::New(value.Env(), "unknown algorithm");
}

class AeadBinding final : public Napi::ObjectWrap<AeadBinding> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "AeadDecipher",
                       {InstanceMethod<&AeadBinding::Open>("open"), InstanceMethod<&AeadBinding::Wipe>("wipe")});
  }

  explicit AeadBinding(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    const Span key = SpanFromJs(info.Env(), info[1]);
    decipher_ = AeadDecipher::Create(KindFromJs(info[0]), {key.data, key.size});
    if (!decipher_) throw Napi::Error::New(info.Env(), "not a key of this algorithm");
  }

 private:
  /** open(nonce, extra, extraLength, record, start, out): bytes written to `out`, or -1. */
  Napi::Value Open(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const Span nonce = SpanFromJs(env, info[0]);
    const Span extra = SpanFromJs(env, info[1]);
    const size_t extra_length = NumberFromJs(env, info[2]);
    const Span record = SpanFromJs(env, info[3]);
    const size_t start = NumberFromJs(env, info[4]);
    const Span out = SpanFromJs(env, info[5]);
    if (nonce.size != AeadDecipher::kNonceLength || extra_length > extra.size || start > record.size) {
      throw Napi::RangeError::New(env, "nonce, extra or start out of range");
    }
    const size_t sealed = record.size - start;
    if (!decipher_ || sealed < AeadDecipher::kTagLength) return Napi::Number::New(env, -1);
    const size_t size = sealed - AeadDecipher::kTagLength;
    if (out.size < size) throw Napi::RangeError::New(env, "out is too small");
    const bool is_open =
        decipher_->Open(nonce.data, {extra.data, extra_length}, {record.data + start, sealed}, out.data);
    return Napi::Number::New(env, is_open ? static_cast<double>(size) : -1);
  }

  void Wipe(const Napi::CallbackInfo&) { decipher_.reset(); }

  std::unique_ptr<AeadDecipher> decipher_;
};

bool IsSupported() {
  const uint8_t key[32] = {};
  return AeadDecipher::Create(Aead::kChaCha20Poly1305, {key, sizeof key}) != nullptr;
}

}  // namespace

void ExportAead(Napi::Env env, Napi::Object exports) {
  exports.Set("AeadDecipher", IsSupported() ? Napi::Value(AeadBinding::Define(env)) : env.Null());
}

}  // namespace oximy
