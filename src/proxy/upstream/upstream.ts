/** The TLS session to the server: on its original address, offering what the client offered. */

import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import {
  type ConnectionOptions,
  checkServerIdentity,
  connect,
  type SecureContext,
  type SecureVersion,
  type TLSSocket,
} from "node:tls";
import { systemRoots } from "../../certificates/roots.js";
import type { Endpoint } from "../../connection/client.js";
import { LruCache } from "../../lru-cache.js";
import type { Side } from "../relay.js";
import type { ClientHello } from "../verdict/client-hello.js";
import { weaknessOf } from "./certificate-strength.js";
import { fingerprintOf, type TlsFingerprint } from "./fingerprint.js";
import { mustBeStapled, readStaple } from "./ocsp.js";
import { UpstreamContexts } from "./upstream-contexts.js";
import { UpstreamProxy } from "./upstream-proxy.js";
import { UpstreamSessions } from "./upstream-sessions.js";

/** The negotiated parameters of the session with the server. */
export interface AgreedSession {
  readonly version: SecureVersion;
  /** OpenSSL's name of the cipher suite. */
  readonly suite: string;
}

export interface SecureUpstream {
  readonly kind: "secure";
  readonly side: Side;
  readonly protocol: string | undefined;
  readonly session: "new" | "resumed";
  readonly agreed: AgreedSession;
  /** The client requested the certificate's status, and the server's staple is good. */
  readonly isStapled: boolean;
}

export type UpstreamResult =
  | SecureUpstream
  /** The handshake succeeded, but the certificate is not trusted for that name, or a client may reject it. */
  | { readonly kind: "untrusted"; readonly error: string }
  /** The server requests a client certificate, which only the client has: its connection is to be passed through. */
  | {
      readonly kind: "client_certificate_requested";
      readonly error: string;
      /** Whether the server is verified: a request by an impostor is not learned. */
      readonly isVerified: boolean;
    }
  /** `stage` shows whether the server could not be reached, or the TLS handshake failed. */
  | { readonly kind: "failed"; readonly stage: "connect" | "handshake"; readonly error: string };

export interface UpstreamConnectorOptions {
  /** PEM certificates. */
  readonly roots?: readonly string[];
  /** The environment with the upstream proxy, and the check for our own listeners. */
  readonly env?: NodeJS.ProcessEnv;
  readonly isOurs?: (proxy: Endpoint) => boolean;
  /** For connecting, and for the handshake; 30 s. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 30_000;
const MAX_SHAPES = 100;

/** Node's own shape, for when a mirrored one has nothing in common with the server. */
const DEFAULT_FINGERPRINT: TlsFingerprint = {
  context: {},
  requestsOcsp: false,
  fidelity: "whole",
  contextKey: "",
  key: "",
};

/** The default shape for a client: with its range of versions and its request for the certificate's status. */
function defaultFingerprintFor({ context, requestsOcsp }: TlsFingerprint): TlsFingerprint {
  const { minVersion, maxVersion } = context;
  const versions = { ...(minVersion && { minVersion }), ...(maxVersion && { maxVersion }) };
  const contextKey = `default ${minVersion} ${maxVersion}`;
  return {
    context: versions,
    requestsOcsp,
    fidelity: "whole",
    contextKey,
    key: `${contextKey} ${requestsOcsp}`,
  };
}

/** Alerts meaning that nothing offered is acceptable (RFC 8446 §6.2: 40, 70, 71). */
const NOTHING_IN_COMMON = /ALERT_(HANDSHAKE_FAILURE|PROTOCOL_VERSION|INSUFFICIENT_SECURITY)$/;

/** Wire form of a list of ALPN names (RFC 7301 §3.1): from strings, Node would encode them as UTF-8. */
function alpnList(names: readonly string[]): Buffer {
  return Buffer.concat(names.flatMap((name) => [Buffer.from([name.length]), Buffer.from(name, "latin1")]));
}

const textOf = (error: unknown) =>
  error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);

/** Opens TLS sessions to servers, all verified against one set of roots. */
export class UpstreamConnector {
  private readonly contexts: UpstreamContexts;
  private readonly sessions = new UpstreamSessions();
  private readonly shapes = new LruCache<string, TlsFingerprint>(MAX_SHAPES);
  private readonly timeoutMs: number;
  /** The route to servers, used for passthrough too. */
  readonly proxy: UpstreamProxy;

  /** Throws OXIMY_E_CONFIG when the environment names an unsupported type of upstream proxy. */
  constructor(options: UpstreamConnectorOptions = {}) {
    this.contexts = new UpstreamContexts(options.roots ?? systemRoots());
    this.timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.proxy = new UpstreamProxy({
      ...options,
      timeoutMs: this.timeoutMs,
      contextForProxy: () => this.contextFor(DEFAULT_FINGERPRINT),
    });
  }

  /** Never rejects. The certificate is verified for `host`. `open` is an existing connection to the target. */
  async connect(target: Endpoint, host: string, hello: ClientHello, open?: Side): Promise<UpstreamResult> {
    const fingerprint = this.shapeFor(hello);
    if (hasNoCommonGroup(hello, fingerprint))
      return { kind: "failed", stage: "handshake", error: "NO_COMMON_GROUP" };
    const result = await this.attempt(target, host, hello, fingerprint, open);
    const unlucky = result.kind === "failed" && NOTHING_IN_COMMON.test(result.error);
    // What the client has in common with the server may be what could not be mirrored.
    if (unlucky && fingerprint.fidelity === "partial") {
      return this.attempt(target, host, hello, defaultFingerprintFor(fingerprint));
    }
    return result;
  }

  /** One object for equal shapes: each connection keeps a reference while it is open. */
  private shapeFor(hello: ClientHello): TlsFingerprint {
    const fingerprint = fingerprintOf(hello);
    const held = this.shapes.get(fingerprint.key);
    if (!held) this.shapes.set(fingerprint.key, fingerprint);
    return held ?? fingerprint;
  }

  private async attempt(
    target: Endpoint,
    host: string,
    hello: ClientHello,
    fingerprint: TlsFingerprint,
    open?: Side,
  ): Promise<UpstreamResult> {
    // First, so that there is no await between connecting and the handshake: an end in between would go unseen.
    const context = await this.contextFor(fingerprint);
    let side: Side;
    try {
      side = open ?? (await this.proxy.dial(target, host));
    } catch (error) {
      return { kind: "failed", stage: "connect", error: textOf(error) };
    }
    return this.handshake(side, context, target, host, hello, fingerprint);
  }

  private contextFor(fingerprint: TlsFingerprint): Promise<SecureContext> {
    const context = this.contexts.contextFor(fingerprint.contextKey, fingerprint.context);
    // Names that OpenSSL accepts individually can still be rejected in combination (a system policy).
    return context.catch(() => {
      const { contextKey, context: versions } = defaultFingerprintFor(fingerprint);
      return this.contexts.contextFor(contextKey, versions);
    });
  }

  private handshake(
    below: Side,
    secureContext: SecureContext,
    target: Endpoint,
    host: string,
    hello: ClientHello,
    fingerprint: TlsFingerprint,
  ): Promise<UpstreamResult> {
    const sessionKey = `${host}|${target.address}|${target.port}|${fingerprint.key}`;
    // A client that does not resume gets a new session, as it would without us.
    const session = hello.resumes ? this.sessions.take(sessionKey) : undefined;
    return new Promise((resolve) => {
      const options: ConnectionOptions & { requestOCSP: boolean } = {
        socket: below.stream,
        host,
        ...(hello.serverName === undefined || isIP(hello.serverName) ? {} : { servername: hello.serverName }),
        ...(hello.alpn.length > 0 ? { ALPNProtocols: alpnList(hello.alpn) } : {}),
        ...(session ? { session } : {}),
        secureContext,
        requestOCSP: fingerprint.requestsOcsp,
        // Still verified, and checked below: an untrusted server is not hidden but passed through.
        rejectUnauthorized: false,
      };
      const stream = connect(options);
      const settle = (result: UpstreamResult) => {
        clearTimeout(timer);
        stream.off("error", fail).off("close", onClose);
        // The session closes the socket below it. Closing the socket first, in here, crashes Node.
        if (result.kind !== "secure") stream.destroy();
        resolve(result);
      };
      const fail = (failure: unknown) => {
        const error = textOf(failure);
        if (requestsCertificate(stream)) {
          settle({ kind: "client_certificate_requested", error, isVerified: isVerified(stream, host) });
        } else settle({ kind: "failed", stage: "handshake", error });
      };
      const onClose = () => fail(new Error("closed during the handshake"));
      const timer = setTimeout(() => fail(new Error("timed out during the handshake")), this.timeoutMs);
      let staple: Buffer | undefined;
      stream.once("OCSPResponse", (response: Buffer | null) => {
        staple = response ?? undefined;
      });
      stream.once("error", fail).once("close", onClose);
      // Between the handshake and the relay there is no other listener.
      stream.on("error", () => {});
      stream.once("secureConnect", () => {
        if (!stream.authorized) {
          return settle({ kind: "untrusted", error: textOf(stream.authorizationError ?? "not authorised") });
        }
        if (requestsCertificate(stream)) return fail("certificate requested");
        // A resumed session shows no certificate: it was checked when the session was new.
        const doubt = stream.isSessionReused() ? undefined : doubtOf(stream, fingerprint, staple);
        if (doubt !== undefined) return settle({ kind: "untrusted", error: doubt });
        this.sessions.keepFrom(stream, sessionKey);
        settle({
          kind: "secure",
          side: { stream, socket: below.socket },
          protocol: stream.alpnProtocol || undefined,
          session: stream.isSessionReused() ? "resumed" : "new",
          agreed: agreedIn(stream),
          isStapled: staple !== undefined,
        });
      });
    });
  }
}

const agreedIn = (session: TLSSocket): AgreedSession => ({
  version: session.getProtocol() as SecureVersion,
  suite: session.getCipher().name,
});

/** A TLS 1.3-only client whose groups OpenSSL does not know (ML-KEM alone): it would get a weaker one. */
function hasNoCommonGroup({ groups }: ClientHello, { context }: TlsFingerprint): boolean {
  return groups.length > 0 && context.ecdhCurve === undefined && context.minVersion === "TLSv1.3";
}

/** Why a client may reject a certificate that passed verification; only it can decide, given the server's own. */
function doubtOf(
  session: TLSSocket,
  { requestsOcsp }: TlsFingerprint,
  staple: Buffer | undefined,
): string | undefined {
  const certificate = session.getPeerX509Certificate();
  if (certificate === undefined) return "NO_CERTIFICATE";
  const weakness = weaknessOf(chainOf(certificate));
  if (weakness !== undefined || !requestsOcsp) return weakness;
  if (staple === undefined) return mustBeStapled(certificate) ? "OCSP_STAPLE_MISSING" : undefined;
  const state = readStaple(staple, certificate, certificate.issuerCertificate);
  return state === "good" ? undefined : `OCSP_${state.toUpperCase()}`;
}

const MAX_CHAIN = 10;

/** The server's chain, starting with its own certificate. */
function chainOf(certificate: X509Certificate): X509Certificate[] {
  const chain = [certificate];
  for (
    let next = certificate.issuerCertificate;
    next && chain.length < MAX_CHAIN;
    next = next.issuerCertificate
  ) {
    chain.push(next);
  }
  return chain;
}

/** Whether the server's certificate is valid for that name; also when the handshake failed after it was shown. */
function isVerified(session: TLSSocket, host: string): boolean {
  const { _handle } = session as unknown as { _handle: { verifyError(): Error | null } | null };
  const certificate = session.getPeerCertificate() as ReturnType<TLSSocket["getPeerCertificate"]> | null;
  if (!_handle || !certificate?.subject || _handle.verifyError() !== null) return false;
  return checkServerIdentity(host, certificate) === undefined;
}

/**
 * Whether the server sent a CertificateRequest. Node has no API for it, but a client shares signature algorithms
 * with its server through that message alone (openssl ssl/statem/statem_clnt.c, tls_process_certificate_request).
 */
function requestsCertificate(session: TLSSocket): boolean {
  // Null once the session is gone, despite the type.
  const shared = session.getSharedSigalgs() as string[] | null;
  return shared !== null && shared.length > 0;
}
