/** Whose connection it is and which program that is: asked for at accept, answered once per process. */

import { withTimeout } from "../attribution/time-limit.js";
import type { Attributor, Owner, ProcessIdentity, SocketTuple } from "../connection/client.js";
import type { ClientProgram } from "../proxy/verdict/client.js";
import type { Identified } from "./engine.js";

/** Tells which program a process is, and whether it would trust our certificate. */
export interface ProgramSource {
  /** Undefined where that cannot be told: the program is then never tried. Never rejects. */
  read(process: ProcessIdentity): Promise<ClientProgram | undefined>;
}

const PROGRAM_MS = 250;

export class Identifier {
  /** The attributor gives the same owner for each connection of a process, and so does this. */
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
    // Traffic waits for this: a program that a busy machine cannot tell in time is one that is not known.
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
