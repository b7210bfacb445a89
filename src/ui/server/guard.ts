/** Who may ask for what. Values in, an answer out. */

import { Buffer } from "node:buffer";
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

export interface Keys {
  /** In the address that is printed; exchanged for the cookie. */
  readonly token: string;
  /** What the browser keeps; no other program is told. */
  readonly cookie: string;
  /**
   * First part of each path. A browser sends a cookie to every port of a host, so that another server on loopback
   * could read it; it goes to paths that begin with this one only, which no other server has a page at.
   */
  readonly place: string;
}

export const newKeys = (): Keys => {
  const [token, cookie, place] = [32, 32, 16].map((size) => randomBytes(size).toString("base64url"));
  return { token: token!, cookie: cookie!, place: place! };
};

export const COOKIE = "oximy_ui";

export interface Asked {
  readonly method: string;
  /** As it stands in the request line. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
}

export type Admission =
  | { readonly kind: "refused"; readonly status: 400 | 403 | 404 | 405 | 421; readonly why: string }
  /** It has the token: it gets the cookie, and is sent to the page. */
  | { readonly kind: "exchanged" }
  /** `path` begins after the place. */
  | { readonly kind: "admitted"; readonly path: string; readonly query: URLSearchParams };

const refused = (status: 400 | 403 | 404 | 405 | 421, why: string): Admission => ({
  kind: "refused",
  status,
  why,
});

/**
 * A name that leads here only now (DNS rebinding) is told by the Host header, a proxy's request by its absolute form,
 * a page of another site by Sec-Fetch-Site, which no script can set (Fetch Metadata, W3C).
 */
export function admit({ method, target, headers }: Asked, port: number, keys: Keys): Admission {
  if (method !== "GET" && method !== "HEAD") return refused(405, "Only read.");
  if (!target.startsWith("/")) return refused(400, "This is no proxy.");
  if (!isOwnHost(headers.host, port)) return refused(421, "Not the host of this page.");
  const { pathname, searchParams } = new URL(target, "http://localhost");
  const site = headers["sec-fetch-site"];
  const isNavigation = headers["sec-fetch-mode"] === "navigate";
  if (pathname === "/") {
    const token = searchParams.get("token") ?? "";
    return isSame(token, keys.token)
      ? { kind: "exchanged" }
      : refused(403, "The address must have its token: take it as oximy ui printed it.");
  }
  // A link to the page may come from anywhere; it shows nothing to who set it.
  if (site !== undefined && site !== "same-origin" && !(site === "none" || isNavigation)) {
    return refused(403, "Asked by another site.");
  }
  const [, place = "", ...rest] = pathname.split("/");
  if (!isSame(place, keys.place)) return refused(404, "There is nothing here.");
  if (!isSame(cookieOf(headers.cookie), keys.cookie)) {
    return refused(403, "Open the address that oximy ui printed.");
  }
  return { kind: "admitted", path: rest.join("/"), query: searchParams };
}

function isOwnHost(host: string | undefined, port: number): boolean {
  return host !== undefined && ["127.0.0.1", "[::1]", "localhost"].some((name) => host === `${name}:${port}`);
}

function cookieOf(header = ""): string {
  const pairs = header.split(";").map((pair) => pair.trim().split("="));
  return pairs.find(([name]) => name === COOKIE)?.[1] ?? "";
}

/** In a time that does not tell how much of it is right. */
function isSame(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** On every answer. Nothing is loaded but from here, nothing runs but the page's own files. */
export const HEADERS = {
  "Content-Security-Policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types dompurify",
  ].join("; "),
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Permissions-Policy": "camera=(), geolocation=(), microphone=(), usb=()",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  // Names in links would be looked up before anybody clicks.
  "X-DNS-Prefetch-Control": "off",
  "Cache-Control": "no-store",
} as const;
