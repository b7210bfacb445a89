import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Lab } from "../../../lab/lab.js";
import type { OximyEvent } from "../../../src/event/event.js";

const SOURCE = fileURLToPath(new URL("short-lived.cc", import.meta.url));
const HOST = "api.openai.com";
const AT_ONCE = 50;
const LIMIT_MS = 3_600_000;
/** Each crowd runs a program of its own as a user of its own. */
const CROWDS = [
  { program: "agent", uid: 0 },
  { program: "editor", uid: 31_001 },
  { program: "assistant", uid: 31_002 },
  { program: "notebook", uid: 31_003 },
  { program: "terminal", uid: 31_004 },
] as const;
/** What some processes become after they connected. */
const AFTER = "after";

/** What a client said of itself in its request, and what its event says of it. */
export interface Testimony {
  readonly said: { number: number; family: string; way: string; pid: number; uid: number; path: string };
  readonly client: OximyEvent["client"];
}

/** Programs that live for one request each, ready to be let loose in a lab. */
export class ShortLivedClients {
  private constructor(
    private readonly lab: Lab,
    private readonly server: { v4: string; v6: string },
    private readonly folder: string,
  ) {}

  static async create(lab: Lab): Promise<ShortLivedClients> {
    const server = await lab.addServer({ names: [HOST] });
    const folder = join(lab.dir, "short-lived");
    mkdirSync(folder);
    const program = join(folder, AFTER);
    const libraries = ["-l:libssl.so.3", "-l:libcrypto.so.3"];
    execFileSync("c++", ["-std=c++17", "-O1", "-pthread", SOURCE, ...libraries, "-o", program]);
    for (const crowd of CROWDS) {
      copyFileSync(program, join(folder, crowd.program));
      chmodSync(join(folder, crowd.program), 0o755);
    }
    return new ShortLivedClients(lab, server, folder);
  }

  /** Runs `total` processes, 50 at once, to their end. `total` is a multiple of 5. Throws when one got no answer. */
  async run(total: number): Promise<void> {
    const each = total / CROWDS.length;
    const { v4, v6 } = this.server;
    const runs = CROWDS.map(async ({ program, uid }, place) => {
      const call = [join(this.folder, program), HOST, v4, v6, join(this.folder, AFTER), "{}"];
      const parallel = ["-P", String(AT_ONCE / CROWDS.length), "-I{}"];
      const { code, stderr } = await this.lab.machine.exec("xargs", [...parallel, ...call], {
        uid,
        input: Array.from({ length: each }, (_, i) => `${place * each + i}\n`).join(""),
        timeout: LIMIT_MS,
      });
      if (code !== 0) throw new Error(`${program}: ${stderr.slice(-2000)}`);
    });
    await Promise.all(runs);
  }
}

/** Reads what the client wrote in its request: `NUMBER FAMILY WAY PID UID PATH`. */
export function testimonyOf({ client, interaction }: OximyEvent): Testimony {
  const [message] = interaction?.request?.messages ?? [];
  const [number, family = "", way = "", pid, uid, path = ""] = String(message?.content).split(" ");
  return { said: { number: Number(number), family, way, pid: Number(pid), uid: Number(uid), path }, client };
}
