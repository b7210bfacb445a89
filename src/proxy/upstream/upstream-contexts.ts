/** TLS contexts for upstream sessions: one per shape of hello, all with the same roots. */

import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import { LruCache } from "../../lru-cache.js";

/** Each holds the parsed roots, some 260 KB. A machine has about as many shapes as it has TLS libraries. */
const MAX_CONTEXTS = 32;
/** Roots added per turn of the event loop: at 0.2 ms each they block it for less than 2 ms. */
const ROOTS_PER_TURN = 8;

/** The part of Node's native context that `createSecureContext({ ca })` calls once per root. */
interface NativeContext {
  addCACert?(pem: string): void;
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/**
 * A context with `roots`, created in small steps: OpenSSL needs 30 to 50 ms to parse the 150 roots of a system,
 * and contexts cannot share them.
 */
async function createContext(
  options: SecureContextOptions,
  roots: readonly string[],
): Promise<SecureContext> {
  const context = createSecureContext({ ...options, ca: [] });
  const native = context.context as NativeContext;
  if (!native.addCACert) return createSecureContext({ ...options, ca: [...roots] });
  for (let at = 0; at < roots.length; at += ROOTS_PER_TURN) {
    for (const root of roots.slice(at, at + ROOTS_PER_TURN)) native.addCACert(root);
    await nextTurn();
  }
  return context;
}

export class UpstreamContexts {
  private readonly contexts = new LruCache<string, Promise<SecureContext>>(MAX_CONTEXTS);

  constructor(private readonly roots: readonly string[]) {}

  /** `key` is equal for equal options. Rejects when OpenSSL rejects the options. */
  contextFor(key: string, options: SecureContextOptions): Promise<SecureContext> {
    let context = this.contexts.get(key);
    if (!context) {
      context = createContext(options, this.roots);
      this.contexts.set(key, context);
    }
    return context;
  }
}
