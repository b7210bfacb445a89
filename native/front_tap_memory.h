#pragma once

#include <napi.h>

#include <memory>

#include "front.h"

namespace oximy {

/**
 * Memory of JavaScript's that the front copies into, so that a batch's bytes need no other copy, and can be
 * transferred to another thread: what the addon allocates itself cannot (Node marks external memory untransferable).
 * All of it on JavaScript's thread, but for `Abandon`.
 */
class TapMemory {
 public:
  /** Gives the front memory until it has enough for a start. */
  static void Supply(Napi::Env env, Front& front);
  /** Gives the front a buffer that a batch came in; nothing when it is another, or the front has plenty. */
  static void Give(Napi::ArrayBuffer buffer, Front& front);
  /** The bytes of a batch, in memory of their own from now on. */
  static Napi::Uint8Array ToArray(Napi::Env env, TapBatch& batch, Front& front);
  /** Destroys a buffer where JavaScript's memory must not be touched any more. */
  static void Abandon(std::unique_ptr<TapBuffer> buffer);
};

}  // namespace oximy
