#include "aead_decipher.h"

#include <dlfcn.h>

namespace oximy {
namespace {

/** Numbers of openssl/evp.h, unchanged since OpenSSL 1.1. */
constexpr int kSetTag = 0x11;
struct Context;
struct Cipher;
struct Engine;

/**
 * The functions of openssl/evp.h that are needed, as exported by the process. Looked up by name: the headers from npm
 * have no OpenSSL, and where it is missing (a Node without it, parts of it in Electron's BoringSSL) the addon must
 * still load.
 */
struct Evp {
  Context* (*context_new)();
  void (*context_free)(Context*);
  int (*context_ctrl)(Context*, int type, int argument, void* pointer);
  int (*decrypt_init)(Context*, const Cipher*, Engine*, const unsigned char* key, const unsigned char* iv);
  int (*decrypt_update)(Context*, unsigned char* out, int* out_length, const unsigned char* in, int in_length);
  int (*decrypt_final)(Context*, unsigned char* out, int* out_length);
  const Cipher* (*aes_128_gcm)();
  const Cipher* (*aes_256_gcm)();
  const Cipher* (*chacha20_poly1305)();

  /** Null when one is missing. */
  static const Evp* Get() {
    static const Evp evp = Find();
    return evp.chacha20_poly1305 != nullptr ? &evp : nullptr;
  }

 private:
  template <typename Function>
  static bool FindOne(const char* name, Function* function) {
    *function = reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
    return *function != nullptr;
  }

  static Evp Find() {
    Evp evp{};
    const bool has_all =
        FindOne("EVP_CIPHER_CTX_new", &evp.context_new) && FindOne("EVP_CIPHER_CTX_free", &evp.context_free) &&
        FindOne("EVP_CIPHER_CTX_ctrl", &evp.context_ctrl) && FindOne("EVP_DecryptInit_ex", &evp.decrypt_init) &&
        FindOne("EVP_DecryptUpdate", &evp.decrypt_update) && FindOne("EVP_DecryptFinal_ex", &evp.decrypt_final) &&
        FindOne("EVP_aes_128_gcm", &evp.aes_128_gcm) && FindOne("EVP_aes_256_gcm", &evp.aes_256_gcm) &&
        FindOne("EVP_chacha20_poly1305", &evp.chacha20_poly1305);
    return has_all ? evp : Evp{};
  }
};

class OpensslDecipher final : public AeadDecipher {
 public:
  OpensslDecipher(const Evp& evp, Context* context) : evp_(evp), context_(context) {}
  /** OpenSSL overwrites the key. */
  ~OpensslDecipher() override { evp_.context_free(context_); }
  OpensslDecipher(const OpensslDecipher&) = delete;
  OpensslDecipher& operator=(const OpensslDecipher&) = delete;

  bool Open(const uint8_t* nonce, Bytes extra, Bytes sealed, uint8_t* out) override {
    if (sealed.size < kTagLength) return false;
    const size_t size = sealed.size - kTagLength;
    auto* tag = const_cast<uint8_t*>(sealed.data + size);
    int written = 0;
    int rest = 0;
    return evp_.decrypt_init(context_, nullptr, nullptr, nullptr, nonce) == 1 &&
           evp_.decrypt_update(context_, nullptr, &written, extra.data, static_cast<int>(extra.size)) == 1 &&
           // Without content there is no buffer, and a call without a buffer would mean more associated data.
           (size == 0 || evp_.decrypt_update(context_, out, &written, sealed.data, static_cast<int>(size)) == 1) &&
           evp_.context_ctrl(context_, kSetTag, kTagLength, tag) == 1 &&
           evp_.decrypt_final(context_, out + size, &rest) == 1;
  }

 private:
  const Evp& evp_;
  Context* context_;
};

const Cipher* FindCipher(const Evp& evp, Aead kind, size_t key_length) {
  if (kind == Aead::kAesGcm && key_length == 16) return evp.aes_128_gcm();
  if (kind == Aead::kAesGcm && key_length == 32) return evp.aes_256_gcm();
  if (kind == Aead::kChaCha20Poly1305 && key_length == 32) return evp.chacha20_poly1305();
  return nullptr;
}

}  // namespace

std::unique_ptr<AeadDecipher> AeadDecipher::Create(Aead kind, Bytes key) {
  const Evp* evp = Evp::Get();
  const Cipher* cipher = evp != nullptr ? FindCipher(*evp, kind, key.size) : nullptr;
  if (cipher == nullptr) return nullptr;
  Context* context = evp->context_new();
  if (context == nullptr) return nullptr;
  // A nonce of 12 bytes is the default of both kinds.
  auto decipher = std::make_unique<OpensslDecipher>(*evp, context);
  if (evp->decrypt_init(context, cipher, nullptr, key.data, nullptr) != 1) return nullptr;
  return decipher;
}

}  // namespace oximy
