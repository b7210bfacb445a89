/** Sends events to a log server, one message each. */

import { Buffer } from "node:buffer";
import type { OximyEvent } from "../../event/event.js";
import { isFailed } from "../../event/outcome.js";
import { type Cut, WITHOUT_BODIES, WITHOUT_WORDS } from "../../traces/cut-line.js";
import type { SyslogSettings } from "../../user/syslog-settings.js";
import type { Destination, DestinationContext } from "../export/destination.js";
import { type Attempt, Retry } from "../export/retry.js";
import { MAX_DATAGRAM, sendDatagrams } from "./datagrams.js";
import { ecsBody } from "./ecs.js";
import { fitting } from "./fitting.js";
import { MAX_LOCAL, sendToDaemon } from "./local-daemon.js";
import { asciiJson, counted, type Header, messageOf, priority } from "./message.js";
import { ocsfBody } from "./ocsf.js";
import { ownBody } from "./own-body.js";
import { SyslogStream } from "./stream.js";

/** Each batch opens a connection: the machines of a fleet should not open one every second. */
const POLL_MS = 5_000;

export class SyslogDestination implements Destination {
  readonly pollMs: number;
  readonly cut: Cut;
  private readonly settings: SyslogSettings;
  private readonly context: DestinationContext;
  private readonly retry: Retry;
  private readonly stream: SyslogStream | undefined;
  private sequence = 0;

  constructor(settings: SyslogSettings, context: DestinationContext, pollMs = POLL_MS) {
    const { log, stop } = context;
    const { address, certificate } = settings;
    this.pollMs = pollMs;
    this.cut = settings.content ? WITHOUT_BODIES : WITHOUT_WORDS;
    this.settings = settings;
    this.context = context;
    this.retry = new Retry({
      ...context,
      onAway: (why) =>
        log("warn", `The log server cannot be reached; events stay in their files until it can: ${why}`),
      onBack: () => log("info", "The log server can be reached again."),
    });
    if (address.kind === "tcp" || address.kind === "tls")
      this.stream = new SyslogStream({ address, stop, ...(certificate !== undefined && { certificate }) });
  }

  async send(events: readonly OximyEvent[]): Promise<boolean> {
    const attempt = this.attemptAt(events);
    const outcome = await this.retry.until(attempt);
    return outcome.kind !== "stopped";
  }

  close(): void {} // each connection ends with its batch

  /** Serializes once, however often the attempt is repeated. */
  private attemptAt(events: readonly OximyEvent[]): () => Promise<Attempt> {
    const { address } = this.settings;
    if (address.kind === "unix") {
      const lines = events.map((event) => `${priority(severityOf(event))}${this.json(event, MAX_LOCAL)}`);
      return () => sendToDaemon(address.path, lines, this.context.stop);
    }
    if (address.kind === "udp") {
      const messages = events.map((event) => this.message(event, MAX_DATAGRAM));
      return () => sendDatagrams(address, messages);
    }
    const bytes = Buffer.concat(events.map((event) => counted(this.message(event))));
    return () => this.stream!.send(bytes);
  }

  private message(event: OximyEvent, most = Number.POSITIVE_INFINITY): Buffer {
    const { host, version } = this.context;
    this.sequence += 1;
    const header: Header = {
      severity: severityOf(event),
      timestamp: event.timestamp,
      hostName: host.name,
      pid: process.pid,
      messageId: event.interaction === undefined ? "not_read" : "call",
      version,
      sequence: this.sequence,
    };
    const room = most - messageOf(header, "").length;
    return messageOf(header, this.json(event, room));
  }

  private json(event: OximyEvent, most: number): string {
    return fitting(this.body(event), most, asciiJson);
  }

  private body(event: OximyEvent): Record<string, unknown> {
    const { format, content } = this.settings;
    const { host, version } = this.context;
    switch (format) {
      case "ecs":
        return ecsBody(event, host, content);
      case "ocsf":
        return ocsfBody(event, host, version, content);
      case "oximy":
        return ownBody(event, content);
    }
  }
}

function severityOf(event: OximyEvent): Header["severity"] {
  if (isFailed(event) || event.findings !== undefined) return "warning";
  return event.interaction === undefined ? "notice" : "info";
}
