/**
 * The supervisor of `oximy local`: the small part that runs as root. It starts and watches the proxy, holds the
 * redirect, and looks up the owners of sockets. It parses nothing that came over the network.
 */

import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import type { SocketTuple } from "../connection/client.js";
import type { Identified } from "../engine/engine.js";
import type { Identifier } from "../engine/identify.js";
import { type ErrorCode, OximyError } from "../errors.js";
import type { Log } from "../log.js";
import type { ForeignConnect } from "../native/native.js";
import { descriptorOf } from "../proxy/intercept/handshake.js";
import type { InvokingUser } from "../user/invoking-user.js";
import type { CaptureSettings } from "../user/settings.js";
import { ContainerRedirects } from "./containers/container-redirects.js";
import { ContainerDiscovery, filtersUnreported, procReader } from "./containers/discovery.js";
import type { ContainerNetworks } from "./containers/networks.js";
import type { StatesFile } from "./containers/states-file.js";
import type { HeldRedirect } from "./held-redirect.js";
import { type Machine, thisMachine } from "./machine.js";
import { failuresOf, PfWatch, type Proof, works } from "./pf-watch.js";
import {
  type ProxyStart,
  readToSupervisor,
  SECRETS_FD,
  type ToProxy,
  type ToSupervisor,
} from "./protocol.js";
import type { RedirectOptions } from "./redirect.js";
import { MacRedirect } from "./redirect-macos.js";
import type { SecretAgent } from "./secret-agent.js";
import { SELF_TEST_ADDRESSES } from "./self-test.js";
import type { SignRequest } from "./signer-protocol.js";
import type { Signing } from "./signing.js";
import { StallWatch } from "./stall-watch.js";

export interface SupervisorOptions {
  readonly settings: CaptureSettings;
  readonly invokingUser: InvokingUser;
  readonly identifier: Identifier;
  /** Creates the agent that writes secrets to this descriptor; absent where nothing is read. */
  readonly openSecrets?: (secretsFd: number) => SecretAgent;
  /** Forwards requests to the holder of the CA's key; absent where nothing is intercepted. */
  readonly signing?: Signing;
  /** The certificate of the machine's CA, which may not exist yet. */
  readonly certificatePath: string;
  /** Called when the proxy runs, before the redirect delivers the first connection to look up. */
  readonly prepareLookups: () => void;
  /** Present where containers are captured too. */
  readonly containers?: {
    readonly networks: ContainerNetworks;
    readonly startTimeOf: (pid: number) => number | undefined;
    readonly takeConnects: () => readonly ForeignConnect[];
    /** Where other processes read the state of each container. */
    readonly file: Pick<StatesFile, "write" | "remove">;
  };
  readonly ports: readonly number[];
  /** Redirect the local-model ports of the bundle, on loopback too. */
  readonly localModels: boolean;
  readonly allowQuic: boolean;
  readonly backend?: RedirectOptions["backend"];
  readonly json: boolean;
  readonly showContent: boolean;
  readonly verbose: boolean;
  readonly quiet: boolean;
  readonly log: Log;
  /** Defaults to this machine. */
  readonly machine?: Machine;
}

/** Why a run ended: requested, or because of an error. */
export type SupervisorEnd =
  | { readonly kind: "stopped" }
  | { readonly kind: "failed"; readonly error: OximyError };

const PING_MS = 1_000;
/** How long open connections may take to end by themselves when we stop. */
const DRAIN_MS = 2_000;
/** For a machine that is just booting, or a slow one: more than half a minute was seen under QEMU emulation. */
const START_MS = 90_000;

export class Supervisor {
  private proxy: ChildProcess | undefined;
  private redirect: HeldRedirect | undefined;
  private pfWatch: PfWatch | undefined;
  private containers: ContainerRedirects | undefined;
  private listening: { port: number; localPorts: readonly number[] } | undefined;
  private readonly nonce = randomBytes(16).toString("hex");
  private secrets: SecretAgent | undefined;
  private pingTimer: NodeJS.Timeout | undefined;
  private readonly stall = new StallWatch();
  private crowded = false;
  private ending: Promise<void> | undefined;
  private resolveEnd: (end: SupervisorEnd) => void = () => {};
  /** Resolves once, when everything is taken down. */
  readonly ended = new Promise<SupervisorEnd>((resolve) => {
    this.resolveEnd = resolve;
  });

  /** All connections of a process have the same client object. */
  private readonly clientTexts = new WeakMap<Identified, string>();

  private readonly machine: Machine;

  constructor(private readonly options: SupervisorOptions) {
    this.machine = options.machine ?? thisMachine;
  }

  /** Proxy first, redirect last, then the test that it works. On failure, takes everything down and throws. */
  async start(): Promise<void> {
    try {
      void this.options.signing?.prepare();
      this.listening = await this.startProxy();
      this.options.prepareLookups();
      await this.installRedirect();
      await this.proveRedirect();
      this.captureContainers();
      this.watchEventLoop();
      this.secrets?.searchAhead();
    } catch (error) {
      await this.takeDown(0);
      throw error;
    }
  }

  /** Redirect first, then the proxy, whose open connections may end by themselves. */
  async stop(): Promise<void> {
    await this.takeDown(DRAIN_MS);
    this.resolveEnd({ kind: "stopped" });
  }

  private textOf(client: Identified): string {
    let text = this.clientTexts.get(client);
    if (text === undefined) {
      text = JSON.stringify(client);
      this.clientTexts.set(client, text);
    }
    return text;
  }

  private startProxy(): Promise<{ port: number; localPorts: readonly number[] }> {
    const networks = this.options.containers?.networks;
    const proxy = this.machine.startProxy(this.options.invokingUser.home, networks?.proxyEnd());
    this.proxy = proxy;
    networks?.closeProxyEnd();
    const { settings, invokingUser, json, showContent, verbose, quiet, openSecrets, certificatePath } =
      this.options;
    // The addon writes to its descriptor; the object keeps it open.
    const secretsPipe = proxy.stdio[SECRETS_FD] as Socket;
    secretsPipe.on("error", () => {}); // a dead proxy is detected by its exit
    this.secrets = openSecrets?.(descriptorOf(secretsPipe));
    const reads = this.secrets !== undefined;
    const start: ProxyStart = {
      type: "start",
      settings,
      invokingUser,
      certificatePath,
      selfTestNonce: this.nonce,
      reads,
      guests: networks !== undefined,
      json,
      showContent,
      verbose,
      quiet,
    };
    proxy.on("exit", (code, signal) => void this.onProxyExit(code, signal));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(
          new OximyError(
            "OXIMY_E_PROXY_DIED",
            `The proxy did not start within ${START_MS / 1_000} s.`,
            "Run with --verbose.",
          ),
        );
      }, START_MS);
      const settle = (outcome: () => void) => {
        clearTimeout(timer);
        outcome();
      };
      proxy.on("message", (received) => {
        const message = readToSupervisor(received);
        switch (message?.type) {
          case "listening":
            return settle(() => resolve(message));
          case "failed": {
            const error = new OximyError(message.code as ErrorCode, message.message, message.advice);
            return settle(() => reject(error));
          }
          case "lookup":
            return void this.identify(message.id, message.tuple);
          case "watch":
            return this.watch(message);
          case "unwatch":
            return this.secrets?.unwatch(message.id);
          case "bundle":
            return this.options.signing?.useBundle(message.document);
          case "sign":
            return void this.sign(message.id, message);
          case "pong":
            return this.onPong();
          case "crowd":
            return this.onCrowd(message);
          case "stop_requested":
            return void this.stop();
        }
      });
      proxy.once("exit", () => settle(() => reject(proxyDied(null, null))));
      proxy.once("error", (error) => settle(() => reject(error)));
      this.send(start);
    });
  }

  private async identify(id: number, tuple: SocketTuple): Promise<void> {
    const client = await this.options.identifier.identify(tuple);
    if (client.owner.kind === "process") {
      const { pid, startTime, uid } = client.owner.process;
      this.secrets?.allow(pid, startTime, uid);
    }
    this.send({ type: "client", id, client: this.textOf(client) });
  }

  private async sign(id: number, { host, port, key }: SignRequest): Promise<void> {
    const answer = await this.options.signing?.sign({ host, port, key });
    this.send({ type: "signed", id, answer: answer ?? { kind: "refused", why: "nothing is intercepted" } });
  }

  private watch({ id, pid, startTime, random }: Extract<ToSupervisor, { type: "watch" }>): void {
    const answer = this.secrets?.watch(id, pid, startTime, Buffer.from(random, "hex"));
    this.send({ type: "sites", id, state: answer?.state ?? "none" });
    if (answer?.state !== "searching") return;
    void answer.ready.then(({ state }) => this.send({ type: "sites", id, state }));
  }

  private async installRedirect(): Promise<void> {
    const { ports, allowQuic, backend, log, localModels } = this.options;
    const { port, localPorts } = this.listening!;
    const options = { listenerPort: port, ports, localPorts: localModels ? localPorts : [], allowQuic };
    const onLost = (reason: string) => {
      log.error(`redirect: lost (${reason})`);
      void this.fail(
        new OximyError("OXIMY_E_REDIRECT", `The redirect was taken away: ${reason}`, "Start oximy again."),
      );
    };
    this.redirect = await this.machine.holdRedirect(
      backend ? { ...options, backend } : options,
      onLost,
      (line) => log.warn(`redirect: ${line}`),
    );
  }

  private async prove(): Promise<Proof> {
    const port = this.options.ports[0]!;
    const [IPv4, IPv6] = await Promise.all(
      SELF_TEST_ADDRESSES.map((address) => this.machine.selfTest(address, port, this.nonce)),
    );
    return { IPv4: IPv4!, IPv6: IPv6! };
  }

  private async proveRedirect(): Promise<void> {
    const { log } = this.options;
    const proof = await this.prove();
    for (const { family, reason } of failuresOf(proof)) {
      if (works(proof) && (await this.redirect?.leaveOut(family))) {
        log.warn(`redirect: ${reason}; connections over ${family} are not captured`);
        continue;
      }
      throw new OximyError(
        "OXIMY_E_SELF_TEST",
        `A test connection did not arrive through the redirect (${reason}).`,
        "A firewall, VPN or container rule may intercept connections first. Run: oximy doctor",
      );
    }
    if (Object.values(proof).every(({ kind }) => kind === "no_route")) {
      log.warn("This machine has no route to the internet now; capture starts when it has one.");
    }
    if (this.redirect instanceof MacRedirect) {
      this.pfWatch = new PfWatch({
        redirect: this.redirect,
        prove: () => this.prove(),
        isPaused: () => this.stall.isStalled || this.crowded,
        log,
      });
    }
  }

  private captureContainers(): void {
    const { containers, ports, log } = this.options;
    if (!containers) return;
    this.containers = new ContainerRedirects({
      ...containers,
      discovery: new ContainerDiscovery(),
      spaceOf: (pid) => procReader.networkOf(pid),
      filtersUnreported,
      port: ports[0]!,
      nonce: this.nonce,
      log,
      onChange: (states) => this.noteContainers(() => containers.file.write(states)),
    });
    this.noteContainers(() => containers.file.write([]));
    this.containers.start();
  }

  /** A full disk is no reason to stop capturing. */
  private noteContainers(note: () => void): void {
    try {
      note();
    } catch (error) {
      this.options.log.debug(`containers: the state file cannot be written: ${(error as Error).message}`);
    }
  }

  private withdraw(): Promise<void> | undefined {
    this.containers?.withdraw();
    return this.redirect?.withdraw();
  }

  private async restore(): Promise<void> {
    await this.redirect?.restore();
    if (!this.ending) this.containers?.restore();
  }

  private watchEventLoop(): void {
    let id = 0;
    this.pingTimer = setInterval(() => {
      if (this.stall.pinged()) {
        this.options.log.error("proxy: does not answer; connections go directly until it does");
        void this.withdraw();
      }
      this.send({ type: "ping", id: id++ });
    }, PING_MS);
  }

  private onPong(): void {
    if (!this.stall.answered() || this.ending) return;
    if (this.crowded) return; // until there is room
    this.restore().then(
      () => this.options.log.info("proxy: answers again; capturing"),
      (error: OximyError) => void (this.ending ?? this.fail(error)),
    );
  }

  /** At the descriptor limit new connections would hang, whoever owns the open ones: they go directly instead. */
  private onCrowd({ state, held, most }: Extract<ToSupervisor, { type: "crowd" }>): void {
    if (this.ending || !this.redirect || (state === "crowded") === this.crowded) return;
    this.crowded = state === "crowded";
    const { log } = this.options;
    if (this.crowded) {
      log.error(
        `proxy: ${held} connections are open, of ${most} that can be; new ones go directly until some end. ` +
          "More can be with a higher limit of open files (oximy doctor).",
      );
      void this.withdraw();
      return;
    }
    if (this.stall.isStalled) return; // until it answers
    this.restore().then(
      () => log.info(`proxy: ${held} connections are open, and there is room again; capturing`),
      (error: OximyError) => void (this.ending ?? this.fail(error)),
    );
  }

  private async onProxyExit(code: number | null, signal: NodeJS.Signals | null): Promise<void> {
    this.proxy = undefined;
    if (!this.ending && this.listening) await this.fail(proxyDied(code, signal));
  }

  private async fail(error: OximyError): Promise<void> {
    await this.takeDown(0);
    this.resolveEnd({ kind: "failed", error });
  }

  private takeDown(graceMs: number): Promise<void> {
    this.ending ??= (async () => {
      clearInterval(this.pingTimer);
      const unwatched = this.pfWatch?.close();
      // Also when it was never started: the networks have a thread.
      this.containers?.end();
      this.options.containers?.networks.end();
      this.noteContainers(() => this.options.containers?.file.remove());
      await this.redirect?.withdraw();
      await this.stopProxy(graceMs);
      await this.redirect?.remove();
      await unwatched;
      this.secrets?.close();
      await this.options.signing?.close();
      await this.options.identifier.close();
    })();
    return this.ending;
  }

  private stopProxy(graceMs: number): Promise<void> {
    const proxy = this.proxy;
    if (!proxy || proxy.exitCode !== null || proxy.signalCode !== null) return Promise.resolve();
    return new Promise((resolve) => {
      // Draining and writing have their own limits; this one is for a proxy that hangs.
      const timer = setTimeout(() => proxy.kill("SIGKILL"), graceMs + 6_000);
      proxy.once("exit", () => {
        clearTimeout(timer);
        resolve();
      });
      this.send({ type: "stop", graceMs });
    });
  }

  private send(message: ToProxy): void {
    // A dead proxy is detected by its exit.
    if (this.proxy?.connected) this.proxy.send(message, () => {});
  }
}

function proxyDied(code: number | null, signal: NodeJS.Signals | null): OximyError {
  const how = signal ? `killed by ${signal}` : code === null ? "ended" : `ended with ${code}`;
  return new OximyError(
    "OXIMY_E_PROXY_DIED",
    `The proxy process ${how}. The redirect is out; connections go directly.`,
    "Start oximy again; its output above shows why.",
  );
}
