import { describe, expect, it } from "vitest";
import { admit, COOKIE, HEADERS, newKeys } from "../../src/ui/server/guard.js";

const keys = newKeys();
const port = 4711;
const own = { host: `127.0.0.1:${port}`, cookie: `${COOKIE}=${keys.cookie}` };
const ask = (target: string, headers: Record<string, string> = own, method = "GET") =>
  admit({ method, target, headers }, port, keys);

describe("the page's server admits", () => {
  it.each([["127.0.0.1"], ["[::1]"], ["localhost"]])("who has the cookie, by the host %s", (name) => {
    expect(ask(`/${keys.place}/api/event?event=1`, { ...own, host: `${name}:${port}` })).toMatchObject({
      kind: "admitted",
      path: "api/event",
    });
  });

  it("the token, for which the cookie is given", () => {
    expect(ask(`/?token=${keys.token}`, { host: own.host })).toEqual({ kind: "exchanged" });
  });

  it("the cookie among those of other programs on this host", () => {
    const cookie = `a=b; ${own.cookie}; c=d`;
    expect(ask(`/${keys.place}/`, { ...own, cookie }).kind).toBe("admitted");
  });
});

describe("the page's server refuses", () => {
  it.each<[string, number, Parameters<typeof ask>]>([
    ["a name that leads here only now", 421, [`/${keys.place}/`, { ...own, host: `evil.example:${port}` }]],
    ["the same with the token", 421, [`/?token=${keys.token}`, { host: `evil.example:${port}` }]],
    ["another port's name", 421, [`/${keys.place}/`, { ...own, host: "127.0.0.1:80" }]],
    ["a request without a host", 421, [`/${keys.place}/`, { cookie: own.cookie }]],
    ["what is sent to a proxy", 400, [`http://127.0.0.1:${port}/${keys.place}/`]],
    ["a tunnel", 405, [`127.0.0.1:${port}`, own, "CONNECT"]],
    ["what would write", 405, [`/${keys.place}/`, own, "POST"]],
    ["a wrong token", 403, ["/?token=wrong", own]],
    ["no token", 403, ["/", own]],
    ["no cookie", 403, [`/${keys.place}/`, { host: own.host }]],
    ["a wrong cookie", 403, [`/${keys.place}/`, { ...own, cookie: `${COOKIE}=${keys.cookie.slice(1)}x` }]],
    ["another place", 404, ["/api/event", own]],
    [
      "a script of another site",
      403,
      [`/${keys.place}/api/feed`, { ...own, "sec-fetch-site": "cross-site" }],
    ],
    ["one of another port", 403, [`/${keys.place}/api/feed`, { ...own, "sec-fetch-site": "same-site" }]],
  ])("%s", (_, status, asked) => {
    expect(ask(...asked)).toMatchObject({ kind: "refused", status });
  });
});

it("lets a page load and run its own files alone", () => {
  const policy = HEADERS["Content-Security-Policy"];
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toMatch(/unsafe|https?:|data:|\*/);
});
