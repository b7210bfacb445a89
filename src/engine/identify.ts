/** Finds the owner and program of a connection: looked up at accept, cached per process. */

import { withTimeout } from "../attribution/time-limit.js";
import type { Attributor, Owner, ProcessIdentity, SocketTuple } from "../connection/client.js";
import type { ClientProgram } from "../proxy/verdict/client.js";
import type { Identified } from "./engine.js";

/** Determines which program a process runs, and whether it would trust our certificate. */
export interface ProgramSource {
  /** Undefined if it cannot be determined: the program is then never intercepted. Never rejects. */
  read(process: ProcessIdentity): Promise<ClientProgram | undefined>;
}

const PROGRAM_MS = 250;

export class Identifier {
  /** The attributor returns the same owner object for each connection of a process, so it can be a key. */
  private readonly known = new WeakMap<
    Owner,
    { program: ClientProgram | undefined; identified: Identified }
  >();

  constructor(
    private readonly attributor: Attributor,
    private readonly programs: ProgramSource,
  ) {}

  async identify(tuple: SocketTuple): Promise<Identified> {
    const owner = await this.attributor.lookup(tuple);
    if (owner.kind === "unknown") return { owner };
    // Traffic waits for this: a program that a busy machine does not determine in time counts as unknown.
    const program = await withTimeout(PROGRAM_MS, this.programs.read(owner.process), () => undefined);
    const known = this.known.get(owner);
    if (known && known.program === program) return known.identified;
    const identified = program === undefined ? { owner } : { owner, program };
    this.known.set(owner, { program, identified });
    return identified;
  }

  close(): Promise<void> {
    return this.attributor.close();
  }
}
