/** TLS sessions of containers: a rootless network's forwarder makes their connections again, in the machine's own. */

import type { Opening } from "./opening.js";

export class ContainerSessions {
  /** Client randoms, which are unique (RFC 8446 §4.1.2). */
  private readonly open = new Set<string>();

  /** Remembers the opening of a container's connection until its end. */
  during<T>(end: Promise<T>, opening: Opening): Promise<T> {
    if (opening.kind !== "tls") return end;
    const session = keyOf(opening.hello.random);
    this.open.add(session);
    return end.finally(() => this.open.delete(session));
  }

  /**
   * Whether a connection of the machine is one of these on its way out. There is one for each: a program that repeats
   * the hello of another connection hides only that one, and the other has an event.
   */
  isSecondLook(opening: Opening): boolean {
    return opening.kind === "tls" && this.open.size > 0 && this.open.delete(keyOf(opening.hello.random));
  }
}

const keyOf = (random: Uint8Array) => Buffer.from(random).toString("latin1");
