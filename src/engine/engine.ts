/** A running capture: assembles bundle, certificates, data plane and capture plane. Has no listener of its own. */

import { join } from "node:path";
import { type AppIndex, createAppIndex, matchApp } from "../attribution/match-app.js";
import { CapturePlane, type CapturePlaneOptions } from "../capture/plane.js";
import type { CaptureCounters, ReadOutcome } from "../capture/protocol.js";
import type { Endpoint, Owner } from "../connection/client.js";
import { counted } from "../counted.js";
import { OximyError } from "../errors.js";
import { limitsOf } from "../exchange/exchange.js";
import type { Log } from "../log.js";
import type { NativeAddon } from "../native/native.js";
import type { Bundle, LoadedBundle } from "../oisp/bundle.js";
import { createHostIndex, type HostIndex } from "../oisp/host-index.js";
import { type LoadOptions, loadBundle } from "../oisp/load.js";
import { localPorts } from "../oisp/local-ports.js";
import { McpHosts } from "../oisp/mcp-hosts.js";
import { BundleRefresher } from "../oisp/refresher.js";
import type { AcceptedConnection } from "../proxy/accept/accepted-connection.js";
import { DataPlane, type DataPlaneStats } from "../proxy/data-plane.js";
import type { SecretSource } from "../proxy/read-passage.js";
import type { CopySink, Tap, TapSink } from "../proxy/tap.js";
import { UpstreamConnector } from "../proxy/upstream/upstream.js";
import type { ClientProgram, KnownClient } from "../proxy/verdict/client.js";
import type { HostKnowledge, Policy } from "../proxy/verdict/decide.js";
import { LearnedFacts } from "../proxy/verdict/learned-facts.js";
import { PassedOver } from "../proxy/verdict/passed-over.js";
import { ServerFacts } from "../proxy/verdict/server-facts.js";
import { TrustBook } from "../proxy/verdict/trust-book.js";
import { pinningApp } from "../trust/pinning.js";
import { whyUnsafe } from "../user/safe-folder.js";
import { type CaptureSettings, pinsFile } from "../user/settings.js";
import { AppSelection } from "./app-selection.js";
import type { Authority } from "./authority.js";
import { descriptorLimit } from "./descriptor-limit.js";
import { ECH_PUBLIC_NAMES } from "./ech-names.js";

export interface EngineOptions {
  readonly settings: CaptureSettings;
  readonly native: NativeAddon;
  /** Group of new files, where the process's own group only marks it for the redirect. */
  readonly fileGroup?: number;
  readonly onEvent?: (event: unknown) => void;
  readonly log: Log;
  readonly internet?: Internet;
  /**
   * `redirect`: transparent to programs; `proxy`: programs configured to use the proxy; `command`: programs whose whole
   * environment we set.
   */
  readonly front: "redirect" | "proxy" | "command";
  /** Hosts that are never captured, even if the bundle knows them; none when absent. */
  readonly isExempt?: (host: string, port: number) => boolean;
  /** Issues the certificates shown to intercepted programs. */
  readonly authority: Authority;
  /** Called with each bundle that comes into use, as published; the first time before any traffic. */
  readonly onBundle?: (document: string) => void;
  readonly secrets?: SecretSource;
  readonly onReadOutcome?: (id: number, outcome: ReadOutcome) => void;
  /** Replaces the capture plane's thread in tests. */
  readonly startPlane?: (options: CapturePlaneOptions) => Promise<Plane>;
}

/** The part of the capture plane that the engine uses. */
export type Plane = TapSink & CopySink & Pick<CapturePlane, "useBundle" | "secrets" | "flush" | "close">;

/** The owner of a connection, and its program. */
export interface Identified {
  readonly owner: Owner;
  readonly program?: ClientProgram;
}

/** A simulated internet for the demo: its roots and its routing. */
export interface Internet {
  /** Certificates in PEM. */
  readonly roots: readonly string[];
  readonly route: (destination: Endpoint) => Endpoint;
}

/** A listener: `close` stops accepting, `destroy` resets the connections it still holds. */
export interface Served {
  readonly port: number;
  close(): void;
  destroy(): void;
}

export interface EngineEnd {
  readonly connections: DataPlaneStats;
  readonly counters: CaptureCounters | undefined;
}

/** Two sockets, plus a reserve for passthrough and files. */
const DESCRIPTORS_PER_CONNECTION = 3;

/** Longest wait for the published bundle at startup; it is fetched again while running. */
const FIRST_FETCH_MS = 3_000;

/** Taps that discard everything, for `OXIMY_ENABLED=false`: traffic is only relayed. */
const NO_TAPS: TapSink = {
  open: () => ({ push: () => {}, end: () => {}, close: () => {} }),
  openCopied: () => ({ abandon: () => {}, close: () => {} }),
  unread: () => {},
};

export class Engine {
  private listener: Served | undefined;

  private constructor(
    private readonly plane: Plane | undefined,
    private readonly dataPlane: DataPlane,
    private readonly known: BundleState,
    private readonly selection: AppSelection,
    private readonly refresher: BundleRefresher,
  ) {}

  /** Loads, opens and starts everything. Throws OximyError. */
  static async start(options: EngineOptions): Promise<Engine> {
    const { settings, log, authority } = options;
    if (settings.enabled) requireSafe(settings.outputDir);
    const sources = bundleSources(settings);
    const loaded = await loadBundle({ ...sources, timeout: FIRST_FETCH_MS });
    describeBundle(loaded, log);
    const selection = new AppSelection(settings, options.native);
    for (const warning of await selection.warnings(loaded.bundle.apps)) log.warn(`filter: ${warning}`);
    options.onBundle?.(loaded.document);
    // Programs configured to use the proxy will be shown its certificates.
    if (options.front !== "redirect" || settings.trust === "always") authority.prepare();
    const known = new BundleState(loaded.bundle, settings.mcpHost ?? []);
    const facts = new LearnedFacts(pinsFile(settings.home), Date.now, options.fileGroup);
    const servers = new ServerFacts(facts);
    const passedOver = new PassedOver((line) => log.warn(line));
    const trust = new TrustBook({ facts, onRefused: (...refusal) => passedOver.refused(...refusal) });
    const upstream = new UpstreamConnector({
      ...(options.internet ? { roots: options.internet.roots } : {}),
      // The shell's proxy variables may point at this proxy; it must not use itself as its upstream proxy.
      isOurs: (proxy) => proxy.port === known.listenerPort,
    });
    // Last of the steps that can fail: the thread would outlive a later failure.
    const { startPlane = CapturePlane.start } = options;
    const plane = settings.enabled
      ? await startPlane({
          capture: {
            outputDir: settings.outputDir,
            includeRaw: settings.includeRaw,
            limits: limitsOf(settings.maxBody),
            supplement: settings.supplement ? "over" : "none",
            allHosts: settings.allHosts,
            ...(settings.mcpHost && { mcpHosts: settings.mcpHost }),
            feed: settings.feed && options.onEvent !== undefined,
            ...(settings.onFinding === undefined ? {} : { onFinding: settings.onFinding }),
            ...(settings.otlp && {
              otlp: { settings: settings.otlp, stateFolder: join(settings.home, "otlp") },
            }),
            ...(settings.syslog && {
              syslog: { settings: settings.syslog, stateFolder: join(settings.home, "syslog") },
            }),
            ...(settings.keepDays === undefined ? {} : { keepDays: settings.keepDays }),
            ...(settings.keepSize === undefined ? {} : { keepSize: settings.keepSize }),
            ...(options.fileGroup === undefined ? {} : { fileGroup: options.fileGroup }),
          },
          bundleDocument: loaded.document,
          log: (level, message) => log[level](message),
          ...(options.onReadOutcome === undefined ? {} : { onReadOutcome: options.onReadOutcome }),
          ...(options.onEvent === undefined ? {} : { onEvent: options.onEvent }),
        })
      : undefined;
    const interception = (): Policy["interception"] => {
      if (!settings.intercept) return "none";
      if (settings.trust === "always") return "always";
      return authority.exists() ? "predicted" : "no_certificate";
    };
    const dataPlane = new DataPlane({
      issuer: () => authority.issuer(),
      upstream,
      route: options.internet?.route ?? ((destination) => destination),
      taps: plane ?? NO_TAPS,
      policy: () => ({
        knowledgeOf: (host, port) => {
          // Nothing is written, so nothing needs to be decrypted.
          if (!settings.enabled || options.isExempt?.(host, port)) return "unknown";
          return settings.allHosts || (selection.namesApps && ECH_PUBLIC_NAMES.has(host))
            ? "readable"
            : known.knowledgeOf(host, port);
        },
        selects: (client) => selection.selects(client),
        interception: interception(),
        // A program configured for a proxy may also be configured in code to trust the certificate.
        distrusting: options.front === "proxy" ? "try_once" : "pass_through",
        pins: ({ app }) => pinningApp(app?.id) !== undefined,
        asksForCertificate: (...server) => servers.asksForCertificate(...server),
      }),
      trust,
      ...(options.secrets && settings.read && plane ? { secrets: options.secrets } : {}),
      maxIntercepted: Math.floor(descriptorLimit() / DESCRIPTORS_PER_CONNECTION),
      onClientCertificate: (...server) => servers.learn(...server),
      onPassthrough: (...passage) => passedOver.add(...passage),
    });
    const refresher = new BundleRefresher(loaded, sources);
    refresher.on("bundle", (fresh) => {
      describeBundle(fresh, log);
      known.use(fresh.bundle);
      plane?.useBundle(fresh.document);
      options.onBundle?.(fresh.document);
    });
    refresher.on("failed", (error) => log.debug(`bundle: ${error.message}`));
    refresher.start();
    return new Engine(plane, dataPlane, known, selection, refresher);
  }

  /** Handles one connection to its end. The lookup of `client` began when it was accepted: see DataPlane.handle(). */
  handle(
    accepted: AcceptedConnection,
    client: Promise<Identified>,
    lookUpAgain: () => Promise<Identified> = () => client,
  ): Promise<void> {
    const known = async (found: Promise<Identified>) => this.known.client(await found);
    return this.dataPlane.handle(accepted, known(client), () => known(lookUpAgain()));
  }

  /** A tap for a plain request that another engine forwards; none when the bundle does not know its host. */
  async tapRequest(
    target: Endpoint,
    peer: Endpoint,
    identified: Promise<Identified>,
  ): Promise<Tap | undefined> {
    if (!this.plane || this.known.knowledgeOf(target.address, target.port) !== "readable") return undefined;
    const client = this.known.client(await identified);
    if (!this.selection.selects(client)) return undefined;
    return this.dataPlane.openTap(target, peer, client);
  }

  /** The sink for a listener's copies of connections. */
  get copies(): CopySink | undefined {
    return this.plane;
  }

  /** Frames of TLS secrets for the capture thread; the buffer is transferred. */
  takeSecrets(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.plane) this.plane.secrets(bytes);
    else bytes.fill(0);
  }

  /** Ports of local models that the bundle lists. */
  localPorts(): number[] {
    return localPorts(this.known.hosts.bundle);
  }

  /** Takes ownership of the listener that feeds the engine; `stop` closes it. */
  serve(listener: Served): void {
    this.listener = listener;
    this.known.listenerPort = listener.port;
  }

  /** Resolves when everything captured so far is written. */
  async flush(): Promise<void> {
    await this.plane?.flush();
  }

  /** Lets open connections end within the grace period, then writes the remaining events. */
  async stop(graceMs: number): Promise<EngineEnd> {
    this.listener?.close();
    this.refresher.stop();
    await this.dataPlane.drain(graceMs);
    this.listener?.destroy();
    const counters = await this.plane?.close();
    return { connections: this.dataPlane.stats, counters };
  }
}

/** One-line summary for the terminal. */
export function summaryOf({ connections, counters }: EngineEnd): string {
  const { events = 0, lostEvents = 0, lostTaps = 0 } = counters ?? {};
  const { read, intercepted, passedThrough, refused } = connections;
  const lost =
    lostEvents + lostTaps > 0
      ? `; lost: ${counted(lostEvents, "event")}, ${counted(lostTaps, "connection")}`
      : "";
  const ways = [
    `${counted(read + intercepted, "connection")} read${intercepted > 0 && read > 0 ? ` (${intercepted} intercepted)` : ""}`,
    `${passedThrough} passed through`,
    ...(refused > 0 ? [`${refused} refused our certificate`] : []),
  ];
  return `${counted(events, "event")}; ${ways.join(", ")}${lost}.`;
}

/** Everything derived from the bundle, replaced as a whole on refresh, and the listener's port. */
class BundleState {
  listenerPort: number | undefined;
  hosts!: HostIndex;
  private apps!: AppIndex;
  /** Connections of one process share one client. */
  private clients!: WeakMap<Identified, KnownClient>;

  private readonly mcpHosts: McpHosts;

  constructor(bundle: Bundle, mcpHosts: readonly string[]) {
    this.mcpHosts = new McpHosts(mcpHosts);
    this.use(bundle);
  }

  use(bundle: Bundle): void {
    this.hosts = createHostIndex(bundle);
    this.apps = createAppIndex(bundle.apps, process.platform === "darwin" ? "darwin" : "linux");
    this.clients = new WeakMap();
  }

  knowledgeOf(host: string, port: number): HostKnowledge {
    if (this.hosts.knows(host, port) || this.mcpHosts.has(host, port)) return "readable";
    return this.hosts.lookup(host, port) ? "named" : "unknown";
  }

  client(identified: Identified): KnownClient {
    let client = this.clients.get(identified);
    if (!client) {
      const app = matchApp(identified.owner, this.apps);
      client = app === undefined ? identified : { ...identified, app };
      this.clients.set(identified, client);
    }
    return client;
  }
}

function bundleSources(settings: CaptureSettings): LoadOptions {
  return {
    home: settings.home,
    url: settings.bundleUrl,
    refreshHours: settings.bundleRefreshHours,
    supplement: settings.supplement ? "over" : "none",
    ...(settings.bundleFile === undefined ? {} : { file: settings.bundleFile }),
  };
}

/** Events are private to their owner: nothing is written to a folder that another user can change. */
function requireSafe(outputDir: string): void {
  const why = whyUnsafe(outputDir);
  if (why === undefined) return;
  throw new OximyError(
    "OXIMY_E_OUTPUT_DIR",
    `Events are not written to ${outputDir}: ${why}`,
    "Name a folder of your own with --output-dir, below folders that only you and root can write to.",
  );
}

function describeBundle({ bundle, origin, location, rejected, note }: LoadedBundle, log: Log): void {
  log.debug(
    `bundle: ${bundle.version} (${origin}: ${location}), ${bundle.hosts.size} hosts, ${bundle.apps.length} apps`,
  );
  if (note) log.info(`bundle: ${note}`);
  for (const sentence of rejected) log.debug(`bundle: ${sentence}`);
}
