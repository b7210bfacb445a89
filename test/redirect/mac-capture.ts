/** A capture that is under way on a Mac, as the script plays it to the pf that answers; and what comes of connections. */

import {
  CHECK_OF_STOPPED_PF,
  HOLD_BEGINS,
  HOLD_ENDS,
  MAC_OPTIONS,
  macRules,
  NEW_ONES_END,
} from "./fake-mac.js";
import { type AcceptedConnection, type Client, type Interface, Mac } from "./mac-network.js";
import { HOLD_BEGAN_BEFORE, NEW_ONES_ENDED_BEFORE, RULES_BEFORE } from "./rules-before.js";

export const EN0: Interface = { name: "en0", addresses: ["192.168.1.5", "2001:db8:5::5"], tso: true };
export const UTUN3: Interface = { name: "utun3", addresses: ["10.8.0.2"], pointToPoint: true };
export const AI4 = "198.51.100.7";
export const AI6 = "2001:db8:77::7";
export const ROOT = { uid: 0, gid: 0 };

export interface Version {
  rules(way: string): string;
  readonly begins: readonly string[];
  readonly newOnesEnd: readonly string[];
  readonly ends: readonly string[];
  /** What a look at pf does where it was switched off. */
  readonly checks: readonly string[];
}

const LOCAL_MODELS = [...MAC_OPTIONS, "--local-ports", "11434"];
const rulesNow = new Map(["en0", "utun3"].map((way) => [way, macRules(way, way, LOCAL_MODELS)]));

export const NOW: Version = {
  rules: (way) => rulesNow.get(way)!,
  begins: HOLD_BEGINS,
  newOnesEnd: NEW_ONES_END,
  ends: HOLD_ENDS,
  checks: CHECK_OF_STOPPED_PF,
};
export const BEFORE: Version = {
  rules: () => RULES_BEFORE,
  begins: HOLD_BEGAN_BEFORE,
  newOnesEnd: NEW_ONES_ENDED_BEFORE,
  ends: [],
  checks: [],
};

/** A Mac with Wi-Fi, and a capture that is under way on it. */
export class Capture {
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

export const place = (arrival: AcceptedConnection): string =>
  arrival.at === "wire" ? arrival.interface : arrival.at === "nowhere" ? arrival.why : arrival.at;

export const arrives = (mac: Mac, target: string, port = 443, options: Partial<Client> = {}): string =>
  place(mac.send(mac.client(target, port, options), { syn: true }));

/** Opens a connection and tells how it went, from the client's first packet to the proxy's own connection. */
export function converse(mac: Mac, target: string, port = 443, options: Partial<Client> = {}): string {
  const client = mac.client(target, port, options);
  const arrival = mac.send(client, { syn: true });
  if (arrival.at !== "proxy") return place(arrival);
  if (!mac.isAnswered(client, arrival.packet)) return "hangs: the answer does not come back";
  return `captured, then ${place(mac.upstream(target, port))}`;
}

/** A segment of this size of a connection that is open. */
export function uploads(mac: Mac, target: string, bytes: number): string {
  const client = mac.client(target, 443);
  mac.send(client, { syn: true });
  return place(mac.upload(client, bytes));
}
