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

  /** AES-GCM takes 16 or 32 bytes of key, ChaCha20-Poly1305 32. Null when this Node has no OpenSSL that we know. */
  static std::unique_ptr<AeadDecipher> Create(Aead kind, Bytes key);
  virtual ~AeadDecipher() = default;

  /** Writes `sealed` without its tag to `out`; false when the tag does not fit: then what is in `out` means nothing. */
  virtual bool Open(const uint8_t* nonce, Bytes extra, Bytes sealed, uint8_t* out) = 0;
};

}  // namespace oximy
