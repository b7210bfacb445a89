/** Access control of the page's server. Values in, a decision out. */

import { Buffer } from "node:buffer";
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

export interface Keys {
  /** Part of the printed address; exchanged for the cookie. */
  readonly token: string;
  /** Kept by the browser; no other program gets it. */
  readonly cookie: string;
  /**
   * First segment of each path. A browser sends a cookie to every port of a host, so another server on loopback could
   * read it; this cookie is limited to paths with this segment, which no other server knows.
   */
  readonly place: string;
}

export const newKeys = (): Keys => {
  const [token, cookie, place] = [32, 32, 16].map((size) => randomBytes(size).toString("base64url"));
  return { token: token!, cookie: cookie!, place: place! };
};

export const COOKIE = "oximy_ui";

export interface PageRequest {
  readonly method: string;
  /** Target of the request line. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
}

export type Admission =
  | { readonly kind: "refused"; readonly status: 400 | 403 | 404 | 405 | 421; readonly why: string }
  /** It has the token: the response sets the cookie and redirects to the page. */
  | { readonly kind: "exchanged" }
  /** `path` begins after the place. */
  | { readonly kind: "admitted"; readonly path: string; readonly query: URLSearchParams };

const refused = (status: 400 | 403 | 404 | 405 | 421, why: string): Admission => ({
  kind: "refused",
  status,
  why,
});

/**
 * Detects DNS rebinding by the Host header, a proxy request by its absolute form, and a request from another site by
 * Sec-Fetch-Site, which no script can set (Fetch Metadata, W3C).
 */
export function admit({ method, target, headers }: PageRequest, port: number, keys: Keys): Admission {
  if (method !== "GET" && method !== "HEAD") return refused(405, "Read-only: use GET or HEAD.");
  if (!target.startsWith("/")) return refused(400, "This is not a proxy.");
  if (!isOwnHost(headers.host, port)) return refused(421, "Not the host of this page.");
  const { pathname, searchParams } = new URL(target, "http://localhost");
  const site = headers["sec-fetch-site"];
  const isNavigation = headers["sec-fetch-mode"] === "navigate";
  if (pathname === "/") {
    const token = searchParams.get("token") ?? "";
    return isSame(token, keys.token)
      ? { kind: "exchanged" }
      : refused(403, "The token is missing or wrong: use the address as oximy ui printed it.");
  }
  // Navigation from a link on another site is fine: that site cannot read the page.
  if (site !== undefined && site !== "same-origin" && !(site === "none" || isNavigation)) {
    return refused(403, "Requests from other sites are refused.");
  }
  const [, place = "", ...rest] = pathname.split("/");
  if (!isSame(place, keys.place)) return refused(404, "Not found.");
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

/** Constant-time comparison. */
function isSame(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Sent with every response. Only the page's own files may be loaded and run. */
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
  // Otherwise browsers may resolve names in links before a click.
  "X-DNS-Prefetch-Control": "off",
  "Cache-Control": "no-store",
} as const;
