#include "front_tap_memory.h"

#include <cstring>
#include <utility>

namespace oximy {
namespace {

/** Buffers supplied in advance. */
constexpr size_t kStart = 2;
/** Beyond this many (5 MiB), buffers are left to the garbage collector. */
constexpr size_t kMost = 16;
/** Below this size bytes are copied: cheaper than passing a large buffer to its reader and back. */
constexpr size_t kWorthGiving = 32 << 10;

class GivenBuffer final : public TapBuffer {
 public:
  explicit GivenBuffer(Napi::ArrayBuffer buffer)
      : TapBuffer(static_cast<char*>(buffer.Data()), true),
        buffer(Napi::Reference<Napi::ArrayBuffer>::New(buffer, 1)) {}

  Napi::Reference<Napi::ArrayBuffer> buffer;
};

/** All given buffers are created in this file. */
GivenBuffer& Given(TapBuffer& buffer) { return static_cast<GivenBuffer&>(buffer); }

}  // namespace

void TapMemory::Supply(Napi::Env env, Front& front) {
  while (front.TapBuffersLeft() < kStart) {
    front.GiveTapBuffer(std::make_unique<GivenBuffer>(Napi::ArrayBuffer::New(env, TapBuffer::kSize)));
  }
}

void TapMemory::Give(Napi::ArrayBuffer buffer, Front& front) {
  if (!buffer.IsArrayBuffer() || buffer.ByteLength() != TapBuffer::kSize) return;
  if (front.TapBuffersLeft() < kMost) front.GiveTapBuffer(std::make_unique<GivenBuffer>(buffer));
}

Napi::Uint8Array TapMemory::ToArray(Napi::Env env, TapBatch& batch, Front& front) {
  if (batch.used == 0) return Napi::Uint8Array::New(env, 0);
  auto buffer = std::move(batch.buffer);
  const bool is_large = batch.used >= kWorthGiving;
  if (is_large && buffer->is_given) {
    Supply(env, front);
    return Napi::Uint8Array::New(env, batch.used, Given(*buffer).buffer.Value(), 0);
  }
  // The front had no buffer left: this one, returned to it later, makes up for that.
  auto memory = Napi::ArrayBuffer::New(env, is_large ? TapBuffer::kSize : batch.used);
  memcpy(memory.Data(), buffer->data, batch.used);
  if (buffer->is_given) front.GiveTapBuffer(std::move(buffer));
  return Napi::Uint8Array::New(env, batch.used, memory, 0);
}

void TapMemory::Abandon(std::unique_ptr<TapBuffer> buffer) {
  if (buffer && buffer->is_given) Given(*buffer).buffer.SuppressDestruct();
}

}  // namespace oximy
