/** What the rules of macOS do to connections of all kinds, by the pf that answers; beside it what they did before. */

import { describe, expect, it } from "vitest";
import { AI4, BEFORE, Capture, NOW, place, type Version } from "./mac-capture.js";
import { ANA } from "./mac-network.js";
import { readRules } from "./pf-rule-text.js";
import { ROWS } from "./pf-scenarios.js";

describe.each(ROWS)("$what", ({ point, prepare = () => {}, run, now, before }) => {
  it(`comes out at: ${now}`, () => {
    expect(run(new Capture(NOW, prepare))).toBe(now);
  });

  it(`came out at: ${before}`, () => {
    expect(run(new Capture(BEFORE, prepare))).toBe(before);
    if (point !== undefined) expect(before).not.toBe(now);
  });
});

it("every point that rules can be wrong in has a row that was red", () => {
  expect([...new Set(ROWS.flatMap(({ point }) => point ?? []))].sort((a, b) => a - b)).toEqual([
    1, 2, 3, 4, 6, 7, 8, 9, 12,
  ]);
});

/** One thing undone of what the rules and the script do, and the scenarios that go wrong by it. */
interface Undone {
  readonly point: number;
  readonly what: string;
  readonly version: Version;
  readonly wrong: readonly string[];
}

/** Throws where there is nothing to undo. */
function without(text: string | RegExp, instead = ""): Version {
  const rules = (way: string) => {
    const undone = NOW.rules(way).replaceAll(text, instead);
    if (undone === NOW.rules(way)) throw new Error(`the rules have nothing of ${text}`);
    return undone;
  };
  return { ...NOW, rules };
}

const TUNNEL = [
  "a client whose connections leave by a VPN's tunnel",
  "a client, when a VPN has come up and was noticed",
];
const SEGMENTS = [
  "17 KB to send, IPv4",
  "17 KB to send, IPv6",
  "17 KB to send by a connection that is open when the capture ends",
];

const UNDONE: readonly Undone[] = [
  {
    point: 1,
    what: "segments may be as large as TCP makes them",
    version: { ...NOW, begins: NOW.begins.filter((command) => !command.startsWith("sysctl")) },
    wrong: SEGMENTS,
  },
  {
    point: 1,
    what: "segments may be large again as soon as the rules go",
    version: { ...NOW, newOnesEnd: [...NOW.newOnesEnd, "sysctl -w net.inet.tcp.tso=1"] },
    wrong: SEGMENTS.slice(2),
  },
  {
    point: 2,
    what: "packets of nobody count",
    version: without("user >= 0 "),
    wrong: ["a guest of a virtual machine, or of Internet Sharing"],
  },
  {
    point: 3,
    what: "answers leave as the routes say",
    version: without(/reply-to \(\S+ \S+\) /g),
    wrong: TUNNEL,
  },
  { point: 3, what: "rdr asks no filter rule", version: without(/^rdr on/gm, "rdr pass on"), wrong: TUNNEL },
  {
    point: 4,
    what: "pf is let go of with the rules",
    version: { ...NOW, newOnesEnd: [...NOW.newOnesEnd, "pfctl -X 4711"] },
    wrong: [
      "17 KB to send by a connection that is open when the capture ends",
      "a connection that is open when the capture ends",
    ],
  },
  {
    point: 6,
    what: "connections are bent by whatever interface they leave",
    version: without(/^pass out on (en0|utun3) /gm, "pass out on ! lo0 "),
    wrong: [
      "a client, when a VPN has come up meanwhile",
      "the transport of a VPN, which is bound to the Wi-Fi",
    ],
  },
  {
    point: 6,
    what: "the system's own UDP is refused, too",
    version: without("user >= 500 "),
    wrong: ["the transport of a VPN over UDP 443"],
  },
  {
    point: 7,
    what: "our rules end the search",
    version: without(/^pass out on/gm, "pass out quick on"),
    wrong: ["a kill switch behind com.apple/*: the client and the proxy"],
  },
  {
    point: 7,
    what: "the proxy has a rule of its own",
    version: without(
      /$/g,
      "pass out quick proto tcp from any to any port { 443,80 } group 4242 keep state\n",
    ),
    wrong: [
      "a kill switch behind com.apple/*: the client and the proxy",
      "a kill switch in front of com.apple/*: what leaves the machine",
    ],
  },
  {
    point: 8,
    what: "rdr takes what nobody has marked",
    version: without(/^(rdr .*) tagged oximy/gm, "$1"),
    wrong: [
      "a server on this Mac, reached by an address that it got meanwhile",
      // The proxy's own connection to the model comes back to the proxy.
      "a model on this Mac",
      "a model on this Mac, IPv6",
      "a server on loopback that is no model",
    ],
  },
  {
    point: 9,
    what: "nobody looks whether pf is on",
    version: { ...NOW, checks: [] },
    wrong: ["a client, when another program has switched pf off and it was looked at"],
  },
  {
    point: 12,
    what: "the local network is as any other",
    version: without(/^table .*$/gm, "table <oximy_near> { 127.0.0.0/8 ::1 }"),
    wrong: ["a device of the local network", "a device of the local network, IPv6"],
  },
];

describe("each thing is needed: without it", () => {
  it.each(UNDONE)("$what, and some scenario goes wrong", ({ version, wrong, point }) => {
    const changed = ROWS.filter(
      ({ prepare = () => {}, run, now }) => run(new Capture(version, prepare)) !== now,
    );
    expect(changed.map(({ what }) => what)).toEqual(wrong);
    expect(changed.some((row) => row.point === point)).toBe(true);
  });

  it("for each point that has a scenario", () => {
    const points = (rows: readonly { point?: number }[]) => new Set(rows.flatMap(({ point }) => point ?? []));
    expect(points(UNDONE)).toEqual(points(ROWS));
  });
});

it("a connection that was open before the capture is left alone", () => {
  const { mac } = new Capture(NOW, () => {});
  expect(place(mac.send(mac.client(AI4, 443, { credentials: ANA }), { syn: false }))).toBe("en0");
});

describe("the reader of rules is as strict as pfctl", () => {
  it.each([
    [
      "filter before translation",
      "pass out all\nrdr on lo0 proto tcp from any to any -> ::1 port 1",
      /in order/,
    ],
    ["words in another order", "pass quick in on lo0 all", /syntax error/],
    ["a table that is not there", "pass out from any to <x>", /no table/],
    ["what it does not know", "pass out all modulate state", /syntax error/],
  ])("%s", (_, text, complaint) => {
    expect(() => readRules(text, [])).toThrow(complaint);
  });
});
