/** The capture thread's entry point: reads batches, drives the pipeline, owns the sink. */

import { parentPort, workerData } from "node:worker_threads";
import type { Connection, UnreadConnection } from "../connection/connection.js";
import { OximyError } from "../errors.js";
import type { OximyEvent } from "../event/event.js";
import { readBundleText } from "../oisp/parse.js";
import { Exporter } from "../sinks/export/exporter.js";
import { FileCloser } from "../sinks/file-closer.js";
import { FindingCommand } from "../sinks/finding-command.js";
import { openJsonlSink } from "../sinks/jsonl.js";
import type { SinkLog } from "../sinks/sink.js";
import { VERSION } from "../version.js";
import { isLarge, readBatch } from "./batch-writer.js";
import { Pipeline } from "./pipeline.js";
import {
  type Batch,
  batchKib,
  type CaptureThreadData,
  CLOSE_CAUSES,
  type FromCaptureThread,
  OP,
  type ToCaptureThread,
} from "./protocol.js";
import { TlsReadings } from "./tls-readings.js";

const port = parentPort!;
const { options, bundleDocument, progress } = workerData as CaptureThreadData;
const readKib = new Int32Array(progress);

const bundleOf = (document: string) => readBundleText(document, "The bundle", options.supplement).bundle;
const post = (message: FromCaptureThread, transferred: readonly ArrayBuffer[] = []) =>
  port.postMessage(message, transferred);
const isPush = (code: number) => code === OP.request || code === OP.response;

function start(): void {
  const kept = {
    ...(options.keepDays === undefined ? {} : { keepDays: options.keepDays }),
    ...(options.keepSize === undefined ? {} : { keepBytes: options.keepSize }),
  };
  const log: SinkLog = (level, message) => post({ type: "log", level, message });
  const sink = openJsonlSink({
    folder: options.outputDir,
    ...kept,
    ...(options.fileGroup === undefined ? {} : { group: { gid: options.fileGroup } }),
    log,
  });
  const closer = new FileCloser({ folder: options.outputDir, ...kept, log });
  const common = { folder: options.outputDir, version: VERSION, log };
  const { otlp, syslog } = options;
  const exporters = [
    otlp && new Exporter({ ...otlp, ...common, kind: "otlp", address: otlp.settings.endpoints }),
    syslog && new Exporter({ ...syslog, ...common, kind: "syslog", address: syslog.settings.address }),
  ];
  const findingCommand =
    options.onFinding === undefined ? undefined : new FindingCommand({ command: options.onFinding, log });
  /** Events of the current batch: the feed gets them after they are written. */
  let unfed: OximyEvent[] = [];
  let readsBatch = false;
  const pipeline = new Pipeline({
    bundle: bundleOf(bundleDocument),
    limits: options.limits,
    includeRaw: options.includeRaw,
    allHosts: options.allHosts,
    ...(options.mcpHosts && { mcpHosts: options.mcpHosts }),
    onEvent: (event: OximyEvent) => {
      sink.write(event);
      if (event.findings !== undefined) findingCommand?.notify(event);
      if (!options.feed) return;
      unfed.push(event);
      if (!readsBatch) feed();
    },
  });

  const readings = new TlsReadings({
    pipeline,
    onOutcome: (id, outcome) => post({ type: "read_outcome", id, outcome }),
  });
  /** The reader of a connection: of ciphertext, or of plaintext. */
  const readerOf = (id: number) => (readings.has(id) ? readings : pipeline);

  const visit = (batch: Batch) =>
    readBatch(batch, isPush, ({ code, id, time, argument, bytes }) => {
      switch (code) {
        case OP.open: {
          const connection = batch.infos[argument] as Connection;
          return connection.via === "read" ? readings.open(connection) : pipeline.open(connection);
        }
        case OP.request:
          return readerOf(id).push(id, "request", bytes, time);
        case OP.response:
          return readerOf(id).push(id, "response", bytes, time);
        case OP.endRequest:
          return readerOf(id).end(id, "request", time);
        case OP.endResponse:
          return readerOf(id).end(id, "response", time);
        case OP.close:
          return readerOf(id).close(id, CLOSE_CAUSES[argument]!, time);
        case OP.unread:
          return pipeline.unread(batch.infos[argument] as UnreadConnection);
      }
    });

  const feed = () => {
    if (unfed.length > 0) post({ type: "events", events: unfed });
    unfed = [];
  };

  port.on("message", (message: ToCaptureThread) => {
    switch (message.type) {
      case "batch":
        sink.cork();
        readsBatch = true;
        try {
          visit(message);
        } finally {
          readsBatch = false;
          sink.uncork();
          feed();
          Atomics.add(readKib, 0, batchKib(message));
          const { buffer } = message.bytes;
          const isFronts = message.isFronts === true;
          if (isFronts || isLarge(buffer)) post({ type: "spent", buffer, isFronts }, [buffer]);
        }
        return;
      case "bundle":
        try {
          return pipeline.useBundle(bundleOf(message.document));
        } catch (error) {
          // Keeps the bundle in use: failing here would mean failing at each restart of the thread.
          const reason = (error as Error).message;
          return post({
            type: "log",
            level: "error",
            message: `capture: a new bundle was not used: ${reason}`,
          });
        }
      case "secrets":
        return readings.secrets(Buffer.from(message.bytes.buffer));
      case "flush":
        return void sink.flush().then(() => post({ type: "flushed", id: message.id }));
      case "close":
        readings.finishAll();
        readings.destroy();
        closer.close();
        findingCommand?.close();
        return void sink
          .close()
          .then(() => Promise.all(exporters.map((exporter) => exporter?.close())))
          .then(() => {
            post({ type: "closed", counters: { ...pipeline.counters, lostEvents: sink.stats().lost } });
          });
    }
  });
  post({ type: "ready" });
}

try {
  start();
} catch (error) {
  const known =
    error instanceof OximyError
      ? error
      : new OximyError("OXIMY_E_INTERNAL", (error as Error).stack ?? String(error), "Please report this.");
  post({ type: "failed", code: known.code, message: known.message, advice: known.advice });
}
