/** TLS sessions of containers: what leads out of a rootless network makes their connections again, in the machine's own. */

import type { Opening } from "./opening.js";

export class ContainerSessions {
  /** Client randoms, which are nobody else's (RFC 8446 §4.1.2). */
  private readonly open = new Set<string>();

  /** Holds what a container's connection opened with until its end. */
  during<T>(end: Promise<T>, opening: Opening): Promise<T> {
    if (opening.kind !== "tls") return end;
    const session = keyOf(opening.hello.random);
    this.open.add(session);
    return end.finally(() => this.open.delete(session));
  }

  /**
   * Whether a connection of the machine's is one of these on its way out. Of each there is one: a program that repeats
   * the hello of another connection hides no more than that, and of the other there is an event.
   */
  isSecondLook(opening: Opening): boolean {
    return opening.kind === "tls" && this.open.size > 0 && this.open.delete(keyOf(opening.hello.random));
  }
}

const keyOf = (random: Uint8Array) => Buffer.from(random).toString("latin1");
