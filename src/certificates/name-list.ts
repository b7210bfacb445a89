/** The names a certificate may be signed for: those readable by the bundle, and those selected by flags. */

import { createHostIndex, type HostIndex } from "../oisp/host-index.js";
import { normaliseHost } from "../oisp/host-name.js";
import { readBundleText } from "../oisp/parse.js";
import type { SupplementUse } from "../oisp/supplement.js";

/** Beyond those in the first bundle of a run; a published bundle gains about ten a month. */
const MAX_ADDED = 200;

export interface NameListOptions {
  /** The bundle that ships with the program. */
  readonly document: string;
  readonly supplement: SupplementUse;
  /** `--all-hosts`: any name. */
  readonly allHosts: boolean;
  /** Names selected by flags. */
  readonly names: readonly string[];
}

/** How a new bundle changed the list. */
export type ListChange =
  | { readonly kind: "taken"; readonly added: readonly string[] }
  | { readonly kind: "refused"; readonly why: string };

export class NameList {
  private index: HostIndex;
  private isFirst = true;
  private addedInAll = 0;

  constructor(private readonly options: NameListOptions) {
    this.index = this.read(options.document);
  }

  allows(host: string, port: number): boolean {
    if (normaliseHost(host) !== host) return false;
    const { allHosts, names } = this.options;
    return allHosts || names.includes(host) || this.index.knows(host, port);
  }

  /**
   * Switches to another bundle. The first of a run arrives before any traffic; later ones may add `MAX_ADDED` names in
   * total.
   */
  use(document: string): ListChange {
    let next: HostIndex;
    try {
      next = this.read(document);
    } catch (error) {
      return { kind: "refused", why: (error as Error).message };
    }
    const before = new Set(entriesOf(this.index));
    const added = entriesOf(next).filter((entry) => !before.has(entry));
    if (!this.isFirst) {
      if (this.addedInAll + added.length > MAX_ADDED) {
        const why = `it adds ${added.length} names, and at most ${MAX_ADDED} may be added while a capture runs`;
        return { kind: "refused", why };
      }
      this.addedInAll += added.length;
    }
    this.isFirst = false;
    this.index = next;
    return { kind: "taken", added };
  }

  private read(document: string): HostIndex {
    return createHostIndex(readBundleText(document, "The bundle", this.options.supplement).bundle);
  }
}

/** All host names and patterns of the bundle, as published. */
function entriesOf({ bundle }: HostIndex): string[] {
  return [
    ...bundle.hosts.keys(),
    ...bundle.patterns.map(({ source }) => source),
    ...[...bundle.websites, ...bundle.apps].flatMap(({ hosts, features }) =>
      features.length > 0 ? hosts : [],
    ),
  ];
}
