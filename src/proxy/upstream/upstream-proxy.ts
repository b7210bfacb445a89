/**
 * The route to a server: direct, or through the HTTP or HTTPS proxy named by the environment of this process.
 * Variables are interpreted as in curl and Go; loopback is always reached directly.
 */

import { BlockList, connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type SecureContext } from "node:tls";
import type { Endpoint } from "../../connection/client.js";
import { OximyError } from "../../errors.js";
import type { Side } from "../relay.js";

const TIMEOUT_MS = 30_000;
/** The maximum length of a proxy's answer to CONNECT. */
const MAX_ANSWER = 16 << 10;

export interface UpstreamProxyOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Root certificates for verifying an `https:` proxy. */
  readonly contextForProxy?: () => Promise<SecureContext>;
  /** Whether that is one of our listeners: `oximy env` sets these variables in the user's shell. */
  readonly isOurs?: (proxy: Endpoint) => boolean;
  /** For the whole connection setup; 30 s. */
  readonly timeoutMs?: number;
}

/** Lower case first, as in curl; empty is unset. */
const variable = (env: NodeJS.ProcessEnv, name: string) =>
  env[name.toLowerCase()] || env[name.toUpperCase()] || undefined;

/** The proxy in `HTTPS_PROXY`, else in `ALL_PROXY`. Throws OXIMY_E_CONFIG when its protocol is not supported. */
export function proxyFromEnvironment(env: NodeJS.ProcessEnv): URL | undefined {
  const name = variable(env, "HTTPS_PROXY") ? "HTTPS_PROXY" : "ALL_PROXY";
  const value = variable(env, name);
  if (!value) return undefined;
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && (url.protocol === "http:" || url.protocol === "https:") && url.hostname) return url;
  throw new OximyError(
    "OXIMY_E_CONFIG",
    `${name} does not name an http: or https: proxy${url ? `, but one that speaks ${url.protocol}` : ""}.`,
    `Set ${name} to http://HOST:PORT, or unset it to connect without a proxy.`,
  );
}

/** Host of a URL, address literals without brackets. */
const hostOf = (url: URL) => url.hostname.replace(/^\[|\]$/g, "");

function isInSubnet(address: string, subnet: string): boolean {
  const [network = "", bits = ""] = subnet.split("/");
  const family = isIP(network);
  if (!family || isIP(address) !== family || !/^\d{1,3}$/.test(bits)) return false;
  if (Number(bits) > (family === 4 ? 32 : 128)) return false;
  const type = family === 4 ? "ipv4" : "ipv6";
  const list = new BlockList();
  list.addSubnet(network, Number(bits), type);
  return list.check(address, type);
}

/** Whether an entry of NO_PROXY (a domain with its subdomains, an address, a network, with or without port) matches. */
function excludes(entry: string, name: string, port: number): boolean {
  if (entry === "*") return true;
  if (entry.includes("/")) return isInSubnet(name, entry);
  const bracketed = /^\[(.+)\](?::(\d+))?$/.exec(entry);
  const [, host = entry, itsPort] =
    bracketed ?? (isIP(entry) ? [] : (/^(.*?)(?::(\d+))?$/.exec(entry) ?? []));
  if (itsPort !== undefined && Number(itsPort) !== port) return false;
  const domain = host.replace(/^\*?\./, "");
  return domain !== "" && (name === domain || (!isIP(name) && name.endsWith(`.${domain}`)));
}

/** Whether `NO_PROXY` excludes the server from proxying. `names` are its host name and its address. */
export function isExcluded(noProxy: string, names: readonly string[], port: number): boolean {
  const entries = noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .filter(Boolean);
  return entries.some((entry) => names.some((name) => excludes(entry, name.toLowerCase(), port)));
}

const isLoopback = (name: string) => /^(localhost|.+\.localhost|127(\.\d+){3}|::1)$/i.test(name);

const authority = (host: string, port: number) =>
  isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a literal percent sign in a password
  }
}

/** CONNECT (RFC 9110 §9.3.6) with the credentials of the proxy's URL. */
export function connectRequest(proxy: URL, host: string, port: number): string {
  const target = authority(host, port);
  const lines = [`CONNECT ${target} HTTP/1.1`, `Host: ${target}`];
  if (proxy.username || proxy.password) {
    const credentials = `${percentDecoded(proxy.username)}:${percentDecoded(proxy.password)}`;
    lines.push(`Proxy-Authorization: Basic ${Buffer.from(credentials).toString("base64")}`);
  }
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** Resolves when the proxy has opened the tunnel; bytes that the server has already sent remain readable. */
function awaitTunnel(stream: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let answer = Buffer.alloc(0);
    const settle = (error?: Error) => {
      stream.off("readable", read).off("end", onEnd).off("close", onEnd).off("error", settle);
      if (error) reject(error);
      else resolve();
    };
    const onEnd = () => settle(new Error("the upstream proxy closed the connection"));
    const read = () => {
      for (let chunk = stream.read() as Buffer | null; chunk; chunk = stream.read() as Buffer | null) {
        answer = Buffer.concat([answer, chunk]);
      }
      const end = answer.indexOf("\r\n\r\n");
      if (end < 0) {
        if (answer.length > MAX_ANSWER) settle(new Error("the upstream proxy's answer has no end"));
        return;
      }
      const status = /^HTTP\/1\.[01] (\d{3})/.exec(answer.toString("latin1", 0, 16))?.[1];
      if (status?.[0] !== "2") return settle(new Error(`the upstream proxy answered ${status ?? "no HTTP"}`));
      if (answer.length > end + 4) stream.unshift(answer.subarray(end + 4));
      settle();
    };
    stream.on("readable", read).once("end", onEnd).once("close", onEnd).once("error", settle);
  });
}

/** Resolves at `event`; rejects when the socket fails or ends before it. */
function opened(stream: Socket, event: "connect" | "secureConnect"): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = () => reject(new Error("closed while connecting"));
    stream.once(event, () => {
      stream.off("error", reject).off("close", onClose);
      resolve();
    });
    stream.once("error", reject).once("close", onClose);
  });
}

/** Opens connections to servers, both for our own sessions and for passthrough. */
export class UpstreamProxy {
  private readonly proxy: URL | undefined;
  private readonly noProxy: string;

  /** Throws OXIMY_E_CONFIG. */
  constructor(private readonly options: UpstreamProxyOptions = {}) {
    const env = options.env ?? process.env;
    this.proxy = proxyFromEnvironment(env);
    this.noProxy = variable(env, "NO_PROXY") ?? "";
  }

  /** The proxy for a server; undefined when it is reached directly. */
  proxyFor(target: Endpoint, host: string): URL | undefined {
    const { proxy } = this;
    if (!proxy) return undefined;
    const names = [target.address, ...(host ? [host] : [])];
    if (names.some(isLoopback) || isExcluded(this.noProxy, names, target.port)) return undefined;
    if (this.options.isOurs?.({ address: hostOf(proxy), port: portOf(proxy) })) return undefined;
    return proxy;
  }

  /**
   * An open connection to `target`. The proxy is given the host name if there is one: many allow no addresses.
   * Rejects with the system's error, or one that contains the proxy's answer.
   */
  async dial(target: Endpoint, host: string): Promise<Side> {
    const proxy = this.proxyFor(target, host);
    const socket = connectTcp({
      host: proxy ? hostOf(proxy) : target.address,
      port: proxy ? portOf(proxy) : target.port,
      allowHalfOpen: true,
      noDelay: true,
    });
    // Keeps every error handled; callers that wait add their own listener.
    socket.on("error", () => {});
    const side = { stream: socket, socket };
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => reject(Object.assign(new Error("timed out"), { code: "ETIMEDOUT" })),
        this.options.timeoutMs ?? TIMEOUT_MS,
      );
    });
    try {
      await Promise.race([this.open(side, proxy, target, host), late]);
      return side;
    } catch (error) {
      side.stream.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  private async open(
    side: { stream: Socket; readonly socket: Socket },
    proxy: URL | undefined,
    target: Endpoint,
    host: string,
  ): Promise<void> {
    await opened(side.socket, "connect");
    if (!proxy) return;
    if (proxy.protocol === "https:") {
      const name = hostOf(proxy);
      const secureContext = await this.options.contextForProxy?.();
      side.stream = connectTls({
        socket: side.socket,
        host: name,
        ...(isIP(name) ? {} : { servername: name }),
        ...(secureContext ? { secureContext } : {}),
      });
      side.stream.on("error", () => {});
      await opened(side.stream, "secureConnect");
    }
    side.stream.write(
      connectRequest(proxy, isIP(target.address) && host ? host : target.address, target.port),
    );
    await awaitTunnel(side.stream);
  }
}

const portOf = (url: URL) => Number(url.port) || (url.protocol === "https:" ? 443 : 80);
