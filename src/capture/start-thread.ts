/** Starts a capture thread and tells whether it can write. */

import { Worker } from "node:worker_threads";
import { type ErrorCode, OximyError } from "../errors.js";
import type { CaptureThreadData, FromCaptureThread } from "./protocol.js";

/** Less than what the supervisor gives its proxy; a machine that has just been started may be slow. */
const START_MS = 60_000;

export interface StartingThread {
  /** Takes messages at once; it reads them when it is ready. */
  readonly worker: Worker;
  /** Rejects with what the thread reports (OXIMY_E_OUTPUT_DIR, …), or when it fails, ends or hangs before. */
  readonly ready: Promise<void>;
}

export function startThread(url: URL, workerData: CaptureThreadData): StartingThread {
  const worker = new Worker(url, { workerData });
  const ready = new Promise<void>((resolve, reject) => {
    const fail = (error: Error) => {
      clearTimeout(timer);
      reject(error);
    };
    const timer = setTimeout(
      () => fail(new Error(`the capture thread did not start within ${START_MS / 1_000} s`)),
      START_MS,
    );
    worker.on("message", (message: FromCaptureThread) => {
      if (message.type === "failed") {
        fail(new OximyError(message.code as ErrorCode, message.message, message.advice));
      } else if (message.type === "ready") {
        clearTimeout(timer);
        resolve();
      }
    });
    worker.once("error", fail);
    worker.once("exit", (code) => fail(new Error(`it ended with ${code}`)));
  });
  return { worker, ready };
}
