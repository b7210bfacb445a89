/** What the rules of macOS do to connections of all kinds, by the pf that answers; beside it what they did before. */

import { describe, expect, it } from "vitest";
import {
  CHECK_OF_STOPPED_PF,
  HOLD_BEGINS,
  HOLD_ENDS,
  MAC_OPTIONS,
  macRules,
  NEW_ONES_END,
} from "./fake-mac.js";
import { type AcceptedConnection, ANA, type Client, type Interface, Mac } from "./mac-network.js";
import { STOCK } from "./pf.js";
import { readRules } from "./pf-rule-text.js";
import { HOLD_BEGAN_BEFORE, NEW_ONES_ENDED_BEFORE, RULES_BEFORE } from "./rules-before.js";

const EN0: Interface = { name: "en0", addresses: ["192.168.1.5", "2001:db8:5::5"], tso: true };
const UTUN3: Interface = { name: "utun3", addresses: ["10.8.0.2"], pointToPoint: true };
const AI4 = "198.51.100.7";
const AI6 = "2001:db8:77::7";
const ROOT = { uid: 0, gid: 0 };

interface Version {
  rules(way: string): string;
  readonly begins: readonly string[];
  readonly newOnesEnd: readonly string[];
  readonly ends: readonly string[];
  /** What a look at pf does where it was switched off. */
  readonly checks: readonly string[];
}

const LOCAL_MODELS = [...MAC_OPTIONS, "--local-ports", "11434"];
const rulesNow = new Map(["en0", "utun3"].map((way) => [way, macRules(way, way, LOCAL_MODELS)]));

const NOW: Version = {
  rules: (way) => rulesNow.get(way)!,
  begins: HOLD_BEGINS,
  newOnesEnd: NEW_ONES_END,
  ends: HOLD_ENDS,
  checks: CHECK_OF_STOPPED_PF,
};
const BEFORE: Version = {
  rules: () => RULES_BEFORE,
  begins: HOLD_BEGAN_BEFORE,
  newOnesEnd: NEW_ONES_ENDED_BEFORE,
  ends: [],
  checks: [],
};

/** A Mac with Wi-Fi, and a capture that is under way on it. */
class Capture {
  readonly mac = new Mac([EN0, UTUN3]);
  private token = 0;

  constructor(
    private readonly version: Version,
    prepare: (mac: Mac) => void,
  ) {
    prepare(this.mac);
    this.play(version.begins);
  }

  newOnesEnd(): void {
    this.play(this.version.newOnesEnd);
  }

  end(): void {
    this.play(this.version.ends);
  }

  check(): void {
    this.play(this.version.checks);
  }

  reload(): void {
    this.play(["pfctl -a com.apple/oximy -f -"]);
  }

  /** The commands of the script, as macOS obeys them. */
  private play(commands: readonly string[]): void {
    const { mac } = this;
    for (const command of commands) {
      const flush = /-F (rules|nat|all)$/.exec(command);
      if (command === "pfctl -E") this.token = mac.pf.enable();
      else if (command.startsWith("pfctl -X")) mac.pf.release(this.token);
      else if (command === "pfctl -a com.apple/oximy -f -") mac.pf.load(this.version.rules(mac.defaultRoute));
      else if (flush) mac.pf.flush(flush[1] as "rules" | "nat" | "all");
      else if (command.startsWith("sysctl")) mac.tso = command.endsWith("=1");
    }
  }
}

const place = (arrival: AcceptedConnection): string =>
  arrival.at === "wire" ? arrival.interface : arrival.at === "nowhere" ? arrival.why : arrival.at;

const arrives = (mac: Mac, target: string, port = 443, options: Partial<Client> = {}): string =>
  place(mac.send(mac.client(target, port, options), { syn: true }));

/** Opens a connection and tells how it went, from the client's first packet to the proxy's own connection. */
function converse(mac: Mac, target: string, port = 443, options: Partial<Client> = {}): string {
  const client = mac.client(target, port, options);
  const arrival = mac.send(client, { syn: true });
  if (arrival.at !== "proxy") return place(arrival);
  if (!mac.isAnswered(client, arrival.packet)) return "hangs: the answer does not come back";
  return `captured, then ${place(mac.upstream(target, port))}`;
}

/** A segment of this size of a connection that is open. */
function uploads(mac: Mac, target: string, bytes: number): string {
  const client = mac.client(target, 443);
  mac.send(client, { syn: true });
  return place(mac.upload(client, bytes));
}

/** `point`: what the row was written for; without one it went well before, too. */
interface Row {
  readonly point?: number;
  readonly what: string;
  readonly prepare?: (mac: Mac) => void;
  readonly run: (capture: Capture) => string;
  readonly now: string;
  readonly before: string;
}

const inTunnel = (mac: Mac) => {
  mac.defaultRoute = "utun3";
};

const ROWS: readonly Row[] = [
  {
    what: "a local client, IPv4",
    run: ({ mac }) => converse(mac, AI4),
    now: "captured, then en0",
    before: "captured, then en0",
  },
  {
    what: "a local client, IPv6",
    run: ({ mac }) => converse(mac, AI6),
    now: "captured, then en0",
    before: "captured, then en0",
  },
  {
    what: "plain HTTP",
    run: ({ mac }) => converse(mac, AI4, 80),
    now: "captured, then en0",
    before: "captured, then en0",
  },
  { what: "another port", run: ({ mac }) => converse(mac, AI4, 8443), now: "en0", before: "en0" },
  {
    what: "the proxy's own connection",
    run: ({ mac }) => place(mac.upstream(AI4, 443)),
    now: "en0",
    before: "en0",
  },
  {
    what: "a client that runs as root",
    run: ({ mac }) => converse(mac, AI4, 443, { credentials: ROOT }),
    now: "captured, then en0",
    before: "captured, then en0",
  },
  { what: "a short request", run: ({ mac }) => uploads(mac, AI4, 400), now: "proxy", before: "proxy" },
  {
    point: 1,
    what: "17 KB to send, IPv4",
    run: ({ mac }) => uploads(mac, AI4, 17_000),
    now: "proxy",
    before: "larger than lo0 takes",
  },
  {
    point: 1,
    what: "17 KB to send, IPv6",
    run: ({ mac }) => uploads(mac, AI6, 17_000),
    now: "proxy",
    before: "larger than lo0 takes",
  },
  {
    point: 1,
    what: "17 KB to send by a connection that is open when the capture ends",
    run: (capture) => {
      const client = capture.mac.client(AI4, 443);
      capture.mac.send(client, { syn: true });
      capture.newOnesEnd();
      return place(capture.mac.upload(client, 17_000));
    },
    now: "proxy",
    before: "en0",
  },
  {
    what: "the size of segments when the capture has ended",
    run: (capture) => {
      capture.newOnesEnd();
      capture.end();
      return String(capture.mac.tso);
    },
    now: "true",
    before: "true",
  },
  {
    point: 2,
    what: "a guest of a virtual machine, or of Internet Sharing",
    run: ({ mac }) => place(mac.forward("192.168.64.2", AI4, 443, "en0")),
    now: "en0",
    before: "proxy",
  },
  {
    point: 3,
    what: "a client whose connections leave by a VPN's tunnel",
    prepare: inTunnel,
    run: ({ mac }) => converse(mac, AI4),
    now: "captured, then utun3",
    before: "hangs: the answer does not come back",
  },
  {
    point: 3,
    what: "a client, when a VPN has come up meanwhile",
    run: ({ mac }) => {
      inTunnel(mac);
      return converse(mac, AI4);
    },
    now: "utun3",
    before: "hangs: the answer does not come back",
  },
  {
    point: 3,
    what: "a client, when a VPN has come up and was noticed",
    run: (capture) => {
      inTunnel(capture.mac);
      capture.reload();
      return converse(capture.mac, AI4);
    },
    now: "captured, then utun3",
    before: "hangs: the answer does not come back",
  },
  {
    point: 4,
    what: "a connection that is open when the capture ends",
    run: (capture) => {
      const client = capture.mac.client(AI4, 443);
      const arrival = capture.mac.send(client, { syn: true });
      capture.newOnesEnd();
      if (arrival.at !== "proxy") return "not captured";
      return capture.mac.isAnswered(client, arrival.packet) ? "goes on" : "hangs";
    },
    now: "goes on",
    before: "hangs",
  },
  {
    what: "a connection that begins when the capture ends",
    run: (capture) => {
      capture.newOnesEnd();
      return converse(capture.mac, AI4);
    },
    now: "en0",
    before: "en0",
  },
  {
    what: "an open connection, when the capture ends and somebody else uses pf",
    prepare: (mac) => {
      mac.pf.enable();
    },
    run: (capture) => {
      const client = capture.mac.client(AI4, 443);
      const arrival = capture.mac.send(client, { syn: true });
      capture.newOnesEnd();
      capture.end();
      return arrival.at === "proxy" && capture.mac.isAnswered(client, arrival.packet) ? "goes on" : "hangs";
    },
    now: "goes on",
    before: "goes on",
  },
  {
    point: 6,
    what: "the transport of a VPN, which is bound to the Wi-Fi",
    prepare: inTunnel,
    run: ({ mac }) => converse(mac, "203.0.113.1", 443, { bound: "en0", credentials: ROOT }),
    now: "en0",
    before: "captured, then utun3",
  },
  {
    point: 7,
    what: "a kill switch behind com.apple/*: the client and the proxy",
    prepare: (mac) => mac.pf.loadMain({ ...STOCK, behind: "block out on en0 proto tcp from any to any" }),
    run: ({ mac }) => `${arrives(mac, AI4)}, ${place(mac.upstream(AI4, 443))}`,
    now: "dropped, dropped",
    before: "proxy, en0",
  },
  {
    point: 7,
    what: "a kill switch in front of com.apple/*: what leaves the machine",
    prepare: (mac) => mac.pf.loadMain({ ...STOCK, before: "block out on en0 proto tcp from any to any" }),
    run: ({ mac }) => converse(mac, AI4),
    now: "captured, then dropped",
    before: "captured, then en0",
  },
  {
    what: "a kill switch with quick in front of com.apple/*",
    prepare: (mac) =>
      mac.pf.loadMain({ ...STOCK, before: "block out quick on en0 proto tcp from any to any" }),
    run: ({ mac }) => `${arrives(mac, AI4)}, ${place(mac.upstream(AI4, 443))}`,
    now: "dropped, dropped",
    before: "dropped, dropped",
  },
  {
    point: 8,
    what: "a server on this Mac, reached by an address that it got meanwhile",
    run: ({ mac }) => {
      mac.interfaces = [{ ...EN0, addresses: ["192.168.7.9"] }, UTUN3];
      mac.servers.add("192.168.7.9:443");
      return `${arrives(mac, "192.168.7.9")}, ${place(mac.upstream("192.168.7.9", 443))}`;
    },
    now: "socket, socket",
    before: "proxy, proxy",
  },
  {
    point: 9,
    what: "a client, when another program has switched pf off and it was looked at",
    run: (capture) => {
      capture.mac.pf.disable();
      capture.check();
      return converse(capture.mac, AI4);
    },
    now: "captured, then en0",
    before: "en0",
  },
  {
    what: "a client, when another program has loaded main rules without com.apple/*",
    run: ({ mac }) => {
      mac.pf.loadMain({ ...STOCK, anchor: "without" });
      return converse(mac, AI4);
    },
    now: "en0",
    before: "en0",
  },
  {
    what: "a connection that is open when another program loads main rules without com.apple/*",
    run: ({ mac }) => {
      const client = mac.client(AI4, 443);
      const arrival = mac.send(client, { syn: true });
      mac.pf.loadMain({ ...STOCK, anchor: "without" });
      return arrival.at === "proxy" && mac.isAnswered(client, arrival.packet) ? "goes on" : "hangs";
    },
    now: "goes on",
    before: "goes on",
  },
  {
    point: 12,
    what: "a device of the local network",
    run: ({ mac }) => converse(mac, "192.168.1.20"),
    now: "en0",
    before: "captured, then en0",
  },
  {
    point: 12,
    what: "a device of the local network, IPv6",
    run: ({ mac }) => converse(mac, "fd12::20"),
    now: "en0",
    before: "captured, then en0",
  },
  {
    what: "a model on this Mac",
    prepare: (mac) => mac.servers.add("127.0.0.1:11434"),
    run: ({ mac }) => converse(mac, "127.0.0.1", 11_434),
    now: "captured, then socket",
    before: "socket",
  },
  {
    what: "a model on this Mac, IPv6",
    prepare: (mac) => mac.servers.add("::1:11434"),
    run: ({ mac }) => converse(mac, "::1", 11_434),
    now: "captured, then socket",
    before: "socket",
  },
  {
    what: "a server on loopback that is no model",
    prepare: (mac) => mac.servers.add("127.0.0.1:443"),
    run: ({ mac }) => converse(mac, "127.0.0.1"),
    now: "socket",
    before: "socket",
  },
  {
    what: "QUIC of a browser",
    run: ({ mac }) => place(mac.datagram(mac.client(AI4, 443))),
    now: "refused",
    before: "refused",
  },
  {
    point: 6,
    what: "the transport of a VPN over UDP 443",
    run: ({ mac }) => place(mac.datagram(mac.client("203.0.113.1", 443, { credentials: ROOT }))),
    now: "en0",
    before: "refused",
  },
];

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
