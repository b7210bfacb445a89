/**
 * The proxy process of `oximy local`: unprivileged from its first act on. Untrusted bytes (TLS, HTTP, JSON) are
 * read here and nowhere else. Started by the supervisor, to which it speaks over the child process's channel.
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
import { type AskForLeaf, RemoteAuthority } from "./remote-signer.js";
import { SELF_TEST_ADDRESSES } from "./self-test.js";
import type { SignAnswer, SignAsk } from "./signer-protocol.js";

const say = (message: ToSupervisor) => {
  // A supervisor that is gone is seen by the end of the channel; sending into it would be an error of its own.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
};

/**
 * The supervisor keeps the limit of a lookup once it is asked. This one is for a supervisor that hangs, and leaves it
 * the time that it may wait for a busy machine; it ends before the front gives a verdict up (2 s).
 */
const LOOKUP_MS = 800;
const MAX_CLIENTS = 500;
/** The supervisor's own limit is shorter; this one is for a supervisor that hangs. */
const SIGN_MS = 8_000;
/** A proxy that hangs is gone this long after its supervisor; draining and writing have shorter limits. */
const ORPHAN_MS = 12_000;

/** Asks the supervisor, which may look into every process, whose socket this is. */
class RemoteIdentifier {
  private readonly pending = new PendingAnswers<Identified>();
  /** One object for equal clients: thousands of connections can be open, and each keeps its own. */
  private readonly clients = new LruCache<string, Identified>(MAX_CLIENTS);

  identify(tuple: SocketTuple): Promise<Identified> {
    return this.pending.ask(
      (id) => say({ type: "lookup", id, tuple }),
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
    this.pending.answer(id, client);
  }
}

/** Asks the supervisor for certificates, who hands it on to whoever holds the key. */
class LeafAsks {
  private readonly pending = new PendingAnswers<SignAnswer>();

  readonly ask: AskForLeaf = (ask: SignAsk) =>
    this.pending.ask(
      (id) => say({ type: "sign", id, ...ask }),
      SIGN_MS,
      () => ({ kind: "refused", why: "no answer came" }),
    );

  answer(id: number, answer: SignAnswer): void {
    this.pending.answer(id, answer);
  }
}

async function start(
  message: ProxyStart,
  identifier: RemoteIdentifier,
  secrets: RemoteSecrets,
  feed: Feed | undefined,
  leaves: LeafAsks,
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
    authority: new RemoteAuthority(message.certificatePath, leaves.ask),
    ...(message.settings.intercept ? { onBundle: (document) => say({ type: "bundle", document }) } : {}),
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
      // What it said is read to its end, or the socket would stay: tests in containers come every second.
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
    onCrowd: (crowd) => say({ type: "crowd", ...crowd }),
    ...(message.guests ? { guests: GUESTS_FD } : {}),
  });
  engine.serve(listener);
  if (message.reads) readSecrets(SECRETS_FD, (bytes) => engine.takeSecrets(bytes));
  giveToGroup(message.settings.home, message.invokingUser.gid);
  say({ type: "listening", port: listener.port, localPorts: engine.localPorts() });
  return engine;
}

function main(): void {
  const identifier = new RemoteIdentifier();
  const secrets = new RemoteSecrets(say);
  const leaves = new LeafAsks();
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
        return void say({ type: "pong", id: message.id });
      case "stop":
        return void stop(message.graceMs);
    }
  });
  // Without a supervisor the redirect is gone: nothing new comes, and what is open gets its end.
  process.on("disconnect", () => void stop(0));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => say({ type: "stop_requested" }));
  }
  process.on("uncaughtException", (error) => {
    // State may be wrong from here on. The supervisor takes the redirect out as soon as we are gone.
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
