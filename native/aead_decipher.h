#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace oximy {

/** The two kinds of AEAD that nearly all TLS records are protected with. */
enum class Aead { kAesGcm, kChaCha20Poly1305 };

/**
 * Opens records under one key with the OpenSSL that is part of Node. For small records node:crypto takes ten times as
 * long, nearly all of it for making and freeing a Decipher object each.
 */
class AeadDecipher {
 public:
  static constexpr size_t kNonceLength = 12;
  static constexpr size_t kTagLength = 16;

  struct Bytes {
    const uint8_t* data;
    size_t size;
  };

  /** AES-GCM takes a key of 16 or 32 bytes, ChaCha20-Poly1305 one of 32. Null without a known OpenSSL in this Node. */
  static std::unique_ptr<AeadDecipher> Create(Aead kind, Bytes key);
  virtual ~AeadDecipher() = default;

  /** Decrypts `sealed` (without its tag) into `out`. False when the tag does not match; `out` is then garbage. */
  virtual bool Open(const uint8_t* nonce, Bytes extra, Bytes sealed, uint8_t* out) = 0;
};

}  // namespace oximy
