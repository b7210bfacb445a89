/** Starts a capture thread and waits until it can write. */

import { Worker } from "node:worker_threads";
import { type ErrorCode, OximyError } from "../errors.js";
import type { CaptureThreadData, FromCaptureThread } from "./protocol.js";

/** Less than the supervisor's limit for its proxy; a machine that has just booted may be slow. */
const START_MS = 60_000;

export interface StartingThread {
  /** Accepts messages at once; it reads them when it is ready. */
  readonly worker: Worker;
  /** Rejects with the error that the thread reports (OXIMY_E_OUTPUT_DIR, …), or when it fails, exits or hangs first. */
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
    worker.once("exit", (code) => fail(new Error(`it exited with code ${code}`)));
  });
  return { worker, ready };
}
