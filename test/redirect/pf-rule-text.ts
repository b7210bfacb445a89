/**
 * Reads the part of pf.conf(5) that the redirect and the rules around it are written in. Strict: words in the order of
 * pfctl's grammar (parse.y: natrule, pfrule), translation before filter, and nothing that is not known here.
 */

import { BlockList, isIPv6 } from "node:net";

export type Family = "inet" | "inet6";
export type Direction = "in" | "out";

/** What an address of a rule stands for. */
export interface Addresses {
  readonly negated: boolean;
  /** `undefined` is `any`. */
  readonly list: BlockList | undefined;
}

interface Match {
  readonly direction?: Direction;
  readonly interface?: { readonly name: string; readonly negated: boolean };
  readonly family?: Family;
  readonly proto?: "tcp" | "udp";
  readonly from: Addresses;
  readonly to: Addresses;
  readonly ports?: readonly number[];
  readonly tagged?: string;
}

export interface Translation extends Match {
  readonly kind: "rdr" | "no rdr";
  readonly pass: boolean;
  readonly target?: { readonly address: string; readonly port: number };
}

export interface Filter extends Match {
  readonly kind: "pass" | "block" | "block return";
  readonly quick: boolean;
  readonly route?: { readonly kind: "route-to" | "reply-to"; readonly interface: string };
  readonly user?: Comparison;
  readonly group?: Comparison;
  readonly tag?: string;
  readonly synOnly: boolean;
  readonly keepState: boolean;
}

export interface Comparison {
  readonly operator: "=" | "!=" | ">=";
  readonly value: number;
}

export interface Rules {
  readonly translation: readonly Translation[];
  readonly filter: readonly Filter[];
}

/** @param self addresses that this machine has when the rules are loaded: pfctl expands `self` then, once. */
export function readRules(text: string, self: readonly string[]): Rules {
  const translation: Translation[] = [];
  const filter: Filter[] = [];
  const tables = new Map<string, BlockList>();
  for (const line of text.split("\n").filter((each) => each.trim() !== "")) {
    const words = new Words(line, tables, self);
    if (words.take("table")) words.table();
    else if (words.is("rdr") || words.is("no")) {
      if (filter.length > 0) throw new Error(`Rules must be in order: ${line}`);
      translation.push(words.translation());
    } else filter.push(words.filter());
    words.end();
  }
  return { translation, filter };
}

class Words {
  private readonly words: string[];

  constructor(
    private readonly line: string,
    private readonly tables: Map<string, BlockList>,
    private readonly self: readonly string[],
  ) {
    this.words = line
      .replace(/[{}(),!]/g, " $& ")
      .replace(/! +=/g, "!=")
      .trim()
      .split(/\s+/);
  }

  is(word: string): boolean {
    return this.words[0] === word;
  }

  take(word: string): boolean {
    if (!this.is(word)) return false;
    this.words.shift();
    return true;
  }

  need(...words: string[]): void {
    for (const word of words) if (!this.take(word)) this.fail(`${word} expected`);
  }

  next(): string {
    return this.words.shift() ?? this.fail("more expected");
  }

  end(): void {
    if (this.words.length > 0) this.fail("syntax error");
  }

  fail(why: string): never {
    throw new Error(`${why} at "${this.words.join(" ")}" in: ${this.line}`);
  }

  table(): void {
    const name = this.next();
    const list = new BlockList();
    for (const each of this.braced()) addTo(list, each);
    this.tables.set(name, list);
  }

  translation(): Translation {
    const kind = this.take("no") ? "no rdr" : "rdr";
    this.need("rdr");
    const pass = this.take("pass");
    const match = { ...this.where(), ...this.fromTo() };
    const tagged = this.take("tagged") ? { tagged: this.next() } : {};
    if (kind === "no rdr") return { kind, pass, ...match, ...tagged };
    this.need("->");
    const address = this.next();
    this.need("port");
    return { kind, pass, ...match, ...tagged, target: { address, port: Number(this.next()) } };
  }

  filter(): Filter {
    const action = this.next();
    if (action !== "pass" && action !== "block") this.fail("pass or block expected");
    const kind = action === "block" && this.take("return") ? "block return" : action;
    if (action === "block") this.take("drop");
    const direction: Direction | undefined = this.take("in") ? "in" : this.take("out") ? "out" : undefined;
    const quick = this.take("quick");
    const where = this.where(() => this.route());
    const match = { ...where, ...this.fromTo(), ...(direction ? { direction } : {}) };
    return { kind, quick, ...match, ...this.filterOptions() };
  }

  private filterOptions() {
    let options: Pick<Filter, "synOnly" | "keepState"> & Partial<Filter> = {
      synOnly: false,
      keepState: false,
    };
    while (this.words.length > 0) {
      if (this.take("user")) options = { ...options, user: this.comparison() };
      else if (this.take("group")) options = { ...options, group: this.comparison() };
      else if (this.take("tag")) options = { ...options, tag: this.next() };
      else if (this.take("tagged")) options = { ...options, tagged: this.next() };
      else if (this.take("flags")) {
        this.need("S/SA");
        options = { ...options, synOnly: true };
      } else if (this.take("keep")) {
        this.need("state");
        options = { ...options, keepState: true };
      } else this.fail("syntax error");
    }
    return options;
  }

  /** `on`, for filters a route, the family and the protocol, in this order. */
  private where(route: () => Pick<Filter, "route"> = () => ({})) {
    let on = {};
    if (this.take("on")) {
      const negated = this.take("!");
      on = { interface: { name: this.next(), negated } };
    }
    const found = route();
    const family = this.is("inet") || this.is("inet6") ? { family: this.next() as Family } : {};
    const proto = this.take("proto") ? { proto: this.next() as "tcp" | "udp" } : {};
    return { ...on, ...found, ...family, ...proto };
  }

  private route(): Pick<Filter, "route"> {
    if (!this.is("route-to") && !this.is("reply-to")) return {};
    const kind = this.next() as "route-to" | "reply-to";
    this.need("(");
    const name = this.next();
    this.next();
    this.need(")");
    return { route: { kind, interface: name } };
  }

  private fromTo(): Pick<Match, "from" | "to" | "ports"> {
    const any: Addresses = { negated: false, list: undefined };
    if (this.take("all")) return { from: any, to: any };
    const from = this.take("from") ? this.addresses() : any;
    const to = this.take("to") ? this.addresses() : any;
    if (!this.take("port")) return { from, to };
    const ports = (this.is("{") ? this.braced() : [this.next()]).map(Number);
    return { from, to, ports };
  }

  private addresses(): Addresses {
    const negated = this.take("!");
    const word = this.next();
    if (word === "any") return { negated, list: undefined };
    if (word.startsWith("<"))
      return { negated, list: this.tables.get(word) ?? this.fail(`no table ${word}`) };
    const list = new BlockList();
    for (const each of word === "self" ? this.self : [word]) addTo(list, each);
    return { negated, list };
  }

  private braced(): string[] {
    this.need("{");
    const found: string[] = [];
    while (!this.take("}")) if (!this.take(",")) found.push(this.next());
    return found;
  }

  private comparison(): Comparison {
    const operator = this.is("!=") || this.is(">=") ? (this.next() as "!=" | ">=") : "=";
    return { operator, value: Number(this.next()) };
  }
}

function addTo(list: BlockList, text: string): void {
  const [address = "", bits] = text.split("/");
  const family = isIPv6(address) ? "ipv6" : "ipv4";
  if (bits === undefined) list.addAddress(address, family);
  else list.addSubnet(address, Number(bits), family);
}
