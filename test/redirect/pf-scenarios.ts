/** Connections of all kinds, and where each comes out: with the rules as they are, and with those of before. */

import {
  AI4,
  AI6,
  arrives,
  type Capture,
  converse,
  EN0,
  place,
  ROOT,
  UTUN3,
  uploads,
} from "./mac-capture.js";
import type { Mac } from "./mac-network.js";
import { STOCK } from "./pf.js";

/** `point`: what the row was written for; without one it went well before, too. */
export interface Row {
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

export const ROWS: readonly Row[] = [
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
