#pragma once

#include <napi.h>

#include <memory>

#include "front.h"

namespace oximy {

/**
 * JavaScript memory that the front copies into, so that a batch's bytes need no second copy and can be transferred to
 * another thread: memory allocated by the addon cannot (Node marks external memory untransferable).
 * All of it runs on the JavaScript thread, except `Abandon`.
 */
class TapMemory {
 public:
  /** Gives the front its initial memory. */
  static void Supply(Napi::Env env, Front& front);
  /** Returns a batch's buffer to the front; ignored when it is not one of those, or the front has plenty. */
  static void Give(Napi::ArrayBuffer buffer, Front& front);
  /** The bytes of a batch, which from now on own their memory. */
  static Napi::Uint8Array ToArray(Napi::Env env, TapBatch& batch, Front& front);
  /** Destroys a buffer where JavaScript's memory must no longer be touched. */
  static void Abandon(std::unique_ptr<TapBuffer> buffer);
};

}  // namespace oximy
