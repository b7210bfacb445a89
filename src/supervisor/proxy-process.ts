/**
 * The proxy process of `oximy local`: unprivileged from its first step on. Untrusted bytes (TLS, HTTP, JSON) are
 * parsed here and nowhere else. Started by the supervisor, with which it communicates over the child process's channel.
 */

import type { Socket } from "node:net";
import type { SocketTuple } from "../connection/client.js";
import { Engine, type Identified, summaryOf } from "../engine/engine.js";
import { Feed } from "../engine/feed.js";
import { giveToGroup } from "../engine/file-group.js";
import { OximyError } from "../errors.js";
import { createLog, type Log } from "../log.js";
import { LruCache } from "../lru-cache.js";
import { loadNative } from "../native/native.js";
import type { AcceptedConnection } from "../proxy/accept/accepted-connection.js";
import { listen } from "../proxy/accept/listener.js";
import { descriptorOf } from "../proxy/intercept/handshake.js";
import { becomeInvokingUser } from "../user/invoking-user.js";
import { OXIMY_GID } from "../user/settings.js";
import { endProcess } from "./end-process.js";
import { refuseOwn } from "./own-connections.js";
import { PendingAnswers } from "./pending-answers.js";
import { GUESTS_FD, type ProxyStart, SECRETS_FD, type ToProxy, type ToSupervisor } from "./protocol.js";
import { RemoteSecrets, readSecrets } from "./remote-secrets.js";
import { RemoteAuthority, type RequestLeaf } from "./remote-signer.js";
import { SELF_TEST_ADDRESSES } from "./self-test.js";
import type { SignAnswer, SignRequest } from "./signer-protocol.js";

const send = (message: ToSupervisor) => {
  // A dead supervisor is detected by the end of the channel; sending to it would be a separate error.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
};

/**
 * The supervisor enforces the limit of a lookup it has received. This one is for a supervisor that hangs, and includes
 * the time that it may take on a busy machine; it ends before the front's limit for a verdict (2 s).
 */
const LOOKUP_MS = 800;
const MAX_CLIENTS = 500;
/** The supervisor's own limit is shorter; this one is for a supervisor that hangs. */
const SIGN_MS = 8_000;
/** A proxy that hangs is ended this long after its supervisor; draining and writing have shorter limits. */
const ORPHAN_MS = 12_000;

/** Looks up the owner of a socket through the supervisor, which may inspect every process. */
class RemoteIdentifier {
  private readonly pending = new PendingAnswers<Identified>();
  /** One object for equal clients: thousands of connections can be open, and each keeps its own. */
  private readonly clients = new LruCache<string, Identified>(MAX_CLIENTS);

  identify(tuple: SocketTuple): Promise<Identified> {
    return this.pending.request(
      (id) => send({ type: "lookup", id, tuple }),
      LOOKUP_MS,
      () => ({ owner: { kind: "unknown", reason: "timeout" } }),
    );
  }

  answer(id: number, text: string): void {
    let client = this.clients.get(text);
    if (!client) {
      client = JSON.parse(text) as Identified;
      this.clients.set(text, client);
    }
    this.pending.resolve(id, client);
  }
}

/** Requests certificates from the supervisor, which forwards the request to the holder of the key. */
class LeafRequests {
  private readonly pending = new PendingAnswers<SignAnswer>();

  readonly request: RequestLeaf = (request: SignRequest) =>
    this.pending.request(
      (id) => send({ type: "sign", id, ...request }),
      SIGN_MS,
      () => ({ kind: "refused", why: "no answer" }),
    );

  answer(id: number, answer: SignAnswer): void {
    this.pending.resolve(id, answer);
  }
}

async function start(
  message: ProxyStart,
  identifier: RemoteIdentifier,
  secrets: RemoteSecrets,
  feed: Feed | undefined,
  leaves: LeafRequests,
  log: Log,
): Promise<Engine> {
  const native = loadNative();
  native.outliveParentAtMost(ORPHAN_MS);
  if (message.reads) native.forbidCoreDumps();
  const engine = await Engine.start({
    settings: message.settings,
    native,
    fileGroup: message.invokingUser.gid,
    front: "redirect",
    authority: new RemoteAuthority(message.certificatePath, leaves.request),
    ...(message.settings.intercept ? { onBundle: (document) => send({ type: "bundle", document }) } : {}),
    ...(message.reads ? { secrets, onReadOutcome: (...outcome) => secrets.onOutcome(...outcome) } : {}),
    ...(feed ? { onEvent: (event) => feed.print(event) } : {}),
    log,
  });
  const lookUp = ({
    peer,
    clientRemote,
    network,
  }: Pick<AcceptedConnection, "peer" | "clientRemote" | "network">) =>
    identifier.identify({
      local: peer,
      remote: clientRemote,
      ...(network === undefined ? {} : { network }),
    });
  const onConnection = (accepted: AcceptedConnection, client: Promise<Identified>) => {
    if (accepted.destination && SELF_TEST_ADDRESSES.includes(accepted.destination.address)) {
      // Its bytes are read to the end, or the socket would linger: container tests arrive every second.
      accepted.take()?.resume().end(message.selfTestNonce);
      return;
    }
    void refuseOwn(accepted, client);
    void engine.handle(accepted, client, () => lookUp(accepted));
  };
  const listener = await listen({
    port: 0,
    originalDestination: (socket: Socket) => native.originalDestination(descriptorOf(socket)),
    onAccept: lookUp,
    onConnection,
    ...(engine.copies ? { copies: engine.copies } : {}),
    onCrowd: (crowd) => send({ type: "crowd", ...crowd }),
    ...(message.guests ? { guests: GUESTS_FD } : {}),
  });
  engine.serve(listener);
  if (message.reads) readSecrets(SECRETS_FD, (bytes) => engine.takeSecrets(bytes));
  giveToGroup(message.settings.home, message.invokingUser.gid);
  send({ type: "listening", port: listener.port, localPorts: engine.localPorts() });
  return engine;
}

function main(): void {
  const identifier = new RemoteIdentifier();
  const secrets = new RemoteSecrets(send);
  const leaves = new LeafRequests();
  let engine: Engine | undefined;
  let feed: Feed | undefined;
  let log = createLog({ json: false, level: "info" });

  let settle = () => {};
  const stop = async (graceMs: number): Promise<never> => {
    const end = await engine?.stop(graceMs);
    settle();
    feed?.printSummary();
    if (end) log.info(summaryOf(end));
    endProcess(0);
  };
  process.on("message", (message: ToProxy) => {
    switch (message.type) {
      case "start":
        log = createLog({
          json: message.json,
          level: message.verbose ? "debug" : message.quiet ? "warn" : "info",
        });
        try {
          becomeInvokingUser(message.invokingUser, OXIMY_GID);
        } catch (error) {
          return failed(error);
        }
        if (message.settings.feed) feed = new Feed(message);
        start(message, identifier, secrets, feed, leaves, log).then((started) => {
          engine = started;
          settle = () => giveToGroup(message.settings.home, message.invokingUser.gid);
        }, failed);
        return;
      case "client":
        return identifier.answer(message.id, message.client);
      case "sites":
        return secrets.answer(message.id, message.state);
      case "signed":
        return leaves.answer(message.id, message.answer);
      case "ping":
        return void send({ type: "pong", id: message.id });
      case "stop":
        return void stop(message.graceMs);
    }
  });
  // Without a supervisor the redirect is gone: no new connections arrive, and open ones are ended.
  process.on("disconnect", () => void stop(0));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => send({ type: "stop_requested" }));
  }
  process.on("uncaughtException", (error) => {
    // State may be wrong from here on. The supervisor removes the redirect as soon as we exit.
    log.error(`proxy: ${error.stack ?? error.message}`);
    endProcess(1);
  });
}

function failed(error: unknown): void {
  const known =
    error instanceof OximyError
      ? error
      : new OximyError("OXIMY_E_INTERNAL", (error as Error).stack ?? String(error), "Please report this.");
  process.send?.(
    { type: "failed", code: known.code, message: known.message, advice: known.advice } satisfies ToSupervisor,
    () => endProcess(1),
  );
}

main();
