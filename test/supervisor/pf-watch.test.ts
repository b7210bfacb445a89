import { describe, expect, it, onTestFinished } from "vitest";
import { meansChange, PfWatch, type Proof } from "../../src/supervisor/pf-watch.js";
import type { PfState } from "../../src/supervisor/redirect-macos.js";
import type { SelfTestResult } from "../../src/supervisor/self-test.js";

const ARRIVED: SelfTestResult = { kind: "arrived" };
const NO_ROUTE: SelfTestResult = { kind: "no_route" };
const failed = (reason: string): SelfTestResult => ({ kind: "failed", reason });
const WORKS: Proof = { IPv4: ARRIVED, IPv6: ARRIVED };
const OK: PfState = { kind: "ok" };
const RENEWED: PfState = { kind: "renewed", ways: "en0 en0" };

/** A watch that looks only when it is told to, at a redirect that writes down what is asked of it. */
function watched(states: PfState[], proofs: Proof[] = []) {
  const done: string[] = [];
  const said: string[] = [];
  let withdrawn = false;
  let change = () => {};
  let paused = false;
  const note = (what: string) => async () => {
    done.push(what);
  };
  const watch = new PfWatch({
    redirect: {
      check: async () => (withdrawn ? { kind: "withdrawn" as const } : (states.shift() ?? OK)),
      withdraw: async () => {
        withdrawn = true;
        done.push("withdraw");
      },
      restore: async () => {
        withdrawn = false;
        done.push("restore");
      },
      leaveOut: async (family) => {
        done.push(`leave out ${family}`);
        return true;
      },
      takeBoth: note("both"),
    },
    prove: async () => {
      done.push("prove");
      return proofs.shift() ?? WORKS;
    },
    isPaused: () => paused,
    log: {
      debug: () => {},
      info: (line) => said.push(`info ${line}`),
      warn: (line) => said.push(`warn ${line}`),
      error: (line) => said.push(`error ${line}`),
    },
    onRouteChange: (changed) => {
      change = changed;
      return () => {};
    },
    everyMs: 3_600_000,
  });
  onTestFinished(() => watch.close());
  const pause = (is: boolean) => {
    paused = is;
  };
  return { watch, done, said, change: () => change(), pause };
}

describe("while the redirect of macOS holds", () => {
  it("nothing is done or said when nothing has changed", async () => {
    const { watch, done, said } = watched([OK, OK]);
    await watch.look();
    await watch.look();
    expect({ done, said }).toEqual({ done: [], said: [] });
  });

  it("the path is proved again when rules had to be put back", async () => {
    const { watch, done, said } = watched([RENEWED]);
    await watch.look();
    expect({ done, said }).toEqual({ done: ["both", "prove"], said: [] });
  });

  it("the path is proved again when routes have changed", async () => {
    const { watch, done, change } = watched([OK]);
    change();
    await watch.look();
    expect(done).toEqual(["both", "prove"]);
  });

  it("a loss is told once, and its end", async () => {
    const lost: PfState = { kind: "lost", why: "com.apple/* is not there" };
    const { watch, done, said } = watched([lost, lost, OK, OK]);
    for (let look = 0; look < 4; look++) await watch.look();
    expect(said).toEqual([
      "error redirect: connections are not captured: com.apple/* is not there",
      "info redirect: works again; capturing",
    ]);
    expect(done).toEqual(["both", "prove"]);
  });

  it("rules that lead nowhere go, until the network changes and they are proved again", async () => {
    const nowhere: Proof = { IPv4: failed("IPv4: no answer within 3 s"), IPv6: NO_ROUTE };
    const { watch, done, said, change } = watched([RENEWED], [nowhere, nowhere, WORKS]);
    await watch.look();
    expect(done.splice(0)).toEqual(["both", "prove", "withdraw"]);
    await watch.look();
    expect(done).toEqual([]);
    change();
    await watch.look();
    expect(done.splice(0)).toEqual(["restore", "both", "prove", "withdraw"]);
    change();
    await watch.look();
    expect(done.splice(0)).toEqual(["restore", "both", "prove"]);
    expect(said).toEqual([
      "error redirect: connections go directly until the network changes (IPv4: no answer within 3 s)",
      "info redirect: works again; capturing",
    ]);
  });

  it("one family that leads nowhere is left out, and the other goes on", async () => {
    const half: Proof = { IPv4: ARRIVED, IPv6: failed("IPv6: no answer within 3 s") };
    const { watch, done, said } = watched([RENEWED, OK, OK], [half]);
    await watch.look();
    await watch.look();
    expect(done).toEqual(["both", "prove", "leave out IPv6"]);
    expect(said).toEqual([
      "warn redirect: IPv6: no answer within 3 s; connections of this family are not captured",
    ]);
  });

  it("no way out at all is no failure", async () => {
    const { watch, done, said } = watched([RENEWED], [{ IPv4: NO_ROUTE, IPv6: NO_ROUTE }]);
    await watch.look();
    expect({ done, said }).toEqual({ done: ["both", "prove"], said: [] });
  });

  it("nothing is put back while the proxy does not answer", async () => {
    const { watch, done, change, pause } = watched([RENEWED], [{ IPv4: failed("no"), IPv6: NO_ROUTE }]);
    await watch.look();
    done.splice(0);
    pause(true);
    change();
    await watch.look();
    expect(done).toEqual([]);
    pause(false);
    await watch.look();
    expect(done).toEqual(["restore", "both", "prove"]);
  });
});

/** As route.c of network_cmds prints them. */
const message = (kind: string, rest: string) =>
  `\ngot message of size 128 on Fri Jan  9 19:56:26 2026\n${kind}: len 128, ${rest}\nlocks:  inits: \nsockaddrs: <DST,GATEWAY>\n default 10.0.0.1\n`;
const route = (flags: string) => `pid: 0, seq 0, errno 0, flags:<${flags}>`;

describe("a message of the routing socket", () => {
  it.each([
    ["a new address", message("RTM_NEWADDR: address being added to iface", "metric 0, flags:<UP>"), true],
    [
      "an address that goes",
      message("RTM_DELADDR: address being removed from iface", "metric 0, flags:"),
      true,
    ],
    [
      "an interface that comes up",
      message("RTM_IFINFO: iface status change", "if# 12, flags:<UP,PTP>"),
      true,
    ],
    ["a default route", message("RTM_ADD: Add Route", route("UP,GATEWAY,DONE,STATIC")), true],
    ["a half of the internet into a tunnel", message("RTM_ADD: Add Route", route("UP,DONE,STATIC")), true],
    ["a route that is taken back", message("RTM_DELETE: Delete Route", route("GATEWAY,DONE")), true],
    ["a neighbour", message("RTM_ADD: Add Route", route("UP,HOST,DONE,LLINFO")), false],
    [
      "a destination of some connection",
      message("RTM_ADD: Add Route", route("UP,HOST,DONE,WASCLONED")),
      false,
    ],
    ["our own question", message("RTM_GET: Report Metrics", route("UP,GATEWAY,DONE")), false],
    ["a group", message("RTM_NEWMADDR: new multicast group membership on iface", ""), false],
  ])("of %s", (_, text, expected) => {
    expect(meansChange(text)).toBe(expected);
  });

  it("is found among others", () => {
    const cloned = message("RTM_ADD: Add Route", route("UP,HOST,WASCLONED"));
    const address = message("RTM_NEWADDR: address being added to iface", "metric 0, flags:<UP>");
    expect(meansChange(cloned + address + cloned)).toBe(true);
    expect(meansChange(cloned + cloned)).toBe(false);
  });
});
