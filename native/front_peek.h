#pragma once

#include <cstddef>
#include <cstdint>

namespace oximy {

/** The longest client hello that is waited for, with its 4-byte header (src/proxy/verdict/client-hello.ts: MAX_HELLO). */
constexpr size_t kMaxHello = 16 << 10;
/** Bytes peeked at most: a hello of `kMaxHello` in records as short as 16 bytes. */
constexpr size_t kPeekLimit = 24 << 10;
/** The longest HTTP head that is waited for; a longer one is reported with this much of it. */
constexpr size_t kMaxHttpHead = 16 << 10;

enum class Peek : uint8_t {
  /** May still become a client hello or an HTTP head. */
  kIncomplete,
  /** A whole TLS client hello (RFC 8446 §4.1.2), over one or more records (§5.1). */
  kClientHello,
  /** A plain HTTP request head (RFC 9112 §2.1), whole or as long as the limit. */
  kHttp,
  kOther,
};

/** Classifies the first bytes of a connection. Interprets nothing: that is left to the verdict. */
Peek ClassifyPeek(const uint8_t* bytes, size_t length);

}  // namespace oximy
