import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OXIMY_GID } from "../../src/user/settings.js";
import { eventsIn, printTable, type RowReport, reportOf, type ToldEvent } from "./first-contact.js";
import { LabOximy, MAIN, makeHome, PROJECT, spawnOximy, sudoEnvironment } from "./oximy.js";
import { availableClients } from "./real-clients/availability.js";
import { type CallResult, type Circumstances, ClientsLab } from "./real-clients/clients-lab.js";
import { callAll } from "./real-clients/every-client.js";
import { isPredictable, type RealClient } from "./real-clients/real-client.js";
import { REAL_CLIENTS } from "./real-clients/table.js";
import { requireLab } from "./require-lab.js";

/** Each phase takes minutes: the long form has more of them, and more calls. */
const FULL = process.env.OXIMY_FULL === "1";
const CALLS = FULL ? 3 : 2;
/** For a table of calls, however busy the computer is. */
const LONG = 3_600_000;

/** Whether this version says by which way it captured, as all do that read. */
const reads = readFileSync(new URL("../../schema/event.schema.json", import.meta.url), "utf8").includes(
  '"via"',
);

const clients = requireLab() ? [] : await availableClients(REAL_CLIENTS);
const names = clients.map(({ name }) => name);

type Reports = ReadonlyMap<string, RowReport>;

/** A machine with all clients of the table, where nothing of ours was ever installed. */
class FreshMachine {
  private constructor(
    readonly clients: ClientsLab,
    public oximy: LabOximy,
    readonly args: readonly string[],
  ) {}

  static async start(args: readonly string[]): Promise<FreshMachine> {
    const lab = await ClientsLab.start(clients);
    try {
      return new FreshMachine(lab, await LabOximy.startIn(lab.lab, makeHome(), args), args);
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  /** Ends it and starts it anew, on the same home. */
  async restart(): Promise<void> {
    const { home } = this.oximy;
    await this.oximy.stop();
    this.oximy = await LabOximy.startIn(this.clients.lab, home, this.args);
  }

  /** Lets each client make its calls, and prints what became of them. */
  async contact(title: string, calls: number, circumstances: Circumstances = {}): Promise<Reports> {
    const results = await callAll(this.clients, calls, () => circumstances);
    const rows = await reportOf(this.clients, results, () => this.oximy.events);
    printTable(title, rows);
    return new Map(rows.map((row) => [row.seat.client.name, row]));
  }

  /** Any other command of ours, as root whom the calling user asked. */
  async command(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await spawnOximy(this.clients.lab, args, {
      env: sudoEnvironment(this.oximy.home),
    }).exited;
    expect(code, stderr).toBe(0);
    return stdout;
  }

  async close(): Promise<void> {
    await this.oximy.stop();
    await this.clients.close();
  }
}

/**
 * What `oximy env` prints, for users of the lab: files that they may read, and in those that add to what a runtime has
 * built in also what the lab's runtimes have built in.
 */
function readableEnvironment({ lab, publicRoots }: ClientsLab, printed: string): Record<string, string> {
  const folder = join(lab.dir, "trust");
  mkdirSync(folder, { recursive: true });
  return Object.fromEntries(
    [...printed.matchAll(/^export (\w+)='(.*)'$/gm)].map(([, name, path]) => {
      const copy = join(folder, basename(path!));
      writeFileSync(copy, `${readFileSync(path!, "utf8")}\n${readFileSync(publicRoots, "utf8")}`);
      chmodSync(copy, 0o644);
      return [name!, copy];
    }),
  );
}

const failed = (row: RowReport | undefined) => (row?.contacts ?? []).filter(({ ok }) => !ok);
const outputs = (row: RowReport | undefined) => failed(row).map(({ output }) => output.slice(-500));

describe.skipIf(clients.length === 0)("first contact, without reading", () => {
  let machine: FreshMachine;
  let without: Reports;
  let first: Reports;
  let restarted: Reports;

  beforeAll(async () => {
    machine = await FreshMachine.start(["--no-read"]);
    without = await machine.contact("nobody trusts, no reading, no certificate yet", 1);
    // Makes the certificate, which nobody trusts then.
    await machine.command("ca", "path");
    await machine.restart();
    first = await machine.contact("nobody trusts, no reading", CALLS);
    restarted = new Map();
    if (!FULL) return;
    await machine.restart();
    restarted = await machine.contact("nobody trusts, no reading, after a restart", 1);
  }, LONG);
  afterAll(() => machine?.close());

  it.each(names)("%s: no call fails while there is no certificate", (name) => {
    expect(outputs(without.get(name))).toEqual([]);
  });

  it.each(clients.filter(isPredictable).map(({ name }) => name))("%s: no call fails", (name) => {
    expect([...outputs(first.get(name)), ...outputs(restarted.get(name))]).toEqual([]);
  });

  it.each(clients.filter((client) => !isPredictable(client)).map(({ name }) => name))(
    "%s: one call fails at most, over restarts",
    (name) => {
      const all = [...outputs(first.get(name)), ...outputs(restarted.get(name))];
      expect(all.slice(1)).toEqual([]);
    },
  );

  it.each(names)("%s: each call leaves an event", (name) => {
    for (const { events } of [without, first, restarted].flatMap(
      (reports) => reports.get(name)?.contacts ?? [],
    )) {
      expect(events).not.toEqual([]);
    }
  });

  describe.skipIf(!FULL)("after `oximy ca install`", () => {
    let installed: Reports;
    beforeAll(async () => {
      await machine.command("ca", "install");
      installed = await machine.contact("after ca install, no reading", 1);
    }, LONG);

    it.each(clients.filter(isPredictable).map(({ name }) => name))("%s: no call fails", (name) => {
      expect(outputs(installed.get(name))).toEqual([]);
    });

    it.each(
      clients.filter(({ trusts }) => trusts === "system" || trusts === "profile").map(({ name }) => name),
    )("%s: is captured", (name) => {
      expect(installed.get(name)!.contacts).toMatchObject([{ captured: true }]);
    });
  });

  describe.skipIf(!FULL)("with the variables of `oximy env`", () => {
    let told: Reports;
    beforeAll(async () => {
      const env = readableEnvironment(machine.clients, await machine.command("env"));
      told = await machine.contact("with the variables of oximy env, no reading", 1, { env });
    }, LONG);

    it.each(clients.filter(isPredictable).map(({ name }) => name))("%s: no call fails", (name) => {
      expect(outputs(told.get(name))).toEqual([]);
    });

    it.each(clients.filter(({ trusts }) => trusts !== "program").map(({ name }) => name))(
      "%s: is captured",
      (name) => {
        expect(told.get(name)!.contacts).toMatchObject([{ captured: true }]);
      },
    );
  });
});

const isLate = ({ metadata: { reason } }: ToldEvent) =>
  reason === "tls_sites_late" || reason === "verdict_late";

describe.skipIf(clients.length === 0 || !reads)("first contact, reading", () => {
  let machine: FreshMachine;
  let first: Reports;

  beforeAll(async () => {
    machine = await FreshMachine.start([]);
    first = await machine.contact("nobody trusts, reading", CALLS);
  }, LONG);
  afterAll(() => machine?.close());

  it.each(names)("%s: no call fails", (name) => {
    expect(outputs(first.get(name))).toEqual([]);
  });

  it("captures 45 clients at least in full from their second call on", () => {
    const captured = [...first.values()].filter(({ contacts }) =>
      contacts.slice(1).every((call) => call.captured),
    );
    expect(captured.length).toBeGreaterThanOrEqual(Math.min(45, clients.length));
  });

  it.each(
    clients
      .filter(({ name, runtime }) => /^(node|python|go)$/.test(runtime) || name.startsWith("curl"))
      .map(({ name }) => name),
  )("%s: is captured from its first call on", (name) => {
    const missed = first.get(name)!.contacts.filter(({ captured }) => !captured);
    // A server's answer waits 150 ms for a search, which a computer that runs other tests beside may not end in time.
    const inTime = FULL ? missed : missed.filter(({ events }) => !events.some(isLate));
    expect(inTime).toEqual([]);
  });

  describe.skipIf(!FULL)("the client hello that the server gets", () => {
    let through: ReadonlyMap<string, readonly CallResult[]>;
    let direct: ReadonlyMap<string, readonly CallResult[]>;
    beforeAll(async () => {
      through = await callAll(machine.clients, 1);
      // Our own group is left alone by the redirect.
      direct = await callAll(machine.clients, 2, () => ({ gid: OXIMY_GID }));
    }, LONG);

    it.each(names)("%s: is the client's own", (name) => {
      const helloOf = ({ key }: CallResult) => {
        const request = machine.clients.server.requests.find((one) => one.key === key);
        return { ja3: request?.ja3, ja4: request?.ja4 };
      };
      const [one, other] = direct.get(name)!.map(helloOf);
      const [seen] = through.get(name)!.map(helloOf);
      expect(one?.ja4).toEqual(expect.any(String));
      expect(seen?.ja4).toBe(one?.ja4);
      // Some shuffle their extensions, which JA3 tells and JA4 does not.
      if (one?.ja3 === other?.ja3) expect(seen?.ja3).toBe(one?.ja3);
    });
  });
});

describe.skipIf(clients.length === 0 || !FULL)("under `oximy run`", () => {
  let lab: ClientsLab;
  let reports: Reports;

  beforeAll(async () => {
    lab = await ClientsLab.start(clients);
    const env = { OXIMY_BUNDLE_FILE: join(PROJECT, "data/oisp-bundle.json") };
    const ours = ["node", MAIN];
    // Browsers ask their user's database, which is the user's own to change; of the system's store it says that
    // root is needed.
    for (const { uid, gid, home } of lab.seats.filter(({ client }) => client.trusts === "profile")) {
      await lab.lab.machine.exec(ours[0]!, [MAIN, "ca", "install"], {
        uid,
        gid,
        env: { HOME: home, ...env },
      });
    }
    const results = await callAll(lab, 1, () => ({ env, before: [...ours, "run", "--"] }));
    const folders = [...new Set(lab.seats.map(({ home }) => join(home, ".oximy/traces")))];
    const rows = await reportOf(lab, results, () => folders.flatMap(eventsIn));
    printTable("under oximy run", rows);
    reports = new Map(rows.map((row) => [row.seat.client.name, row]));
  }, LONG);
  afterAll(() => lab?.close());

  it.each(names)("%s: no call fails", (name) => {
    expect(outputs(reports.get(name))).toEqual([]);
  });

  const namesOf = (outcome: RealClient["underRun"]) =>
    clients.filter(({ underRun }) => underRun === outcome).map(({ name }) => name);

  it.each(namesOf(undefined))("%s: is captured", (name) => {
    expect(reports.get(name)!.contacts).toMatchObject([{ captured: true }]);
  });

  it.each(namesOf("unseen"))("%s: connects directly", (name) => {
    expect(reports.get(name)!.contacts).toMatchObject([{ events: [] }]);
  });

  it.each(namesOf("unread"))("%s: passes through, which an event says", (name) => {
    expect(reports.get(name)!.contacts).toMatchObject([
      { captured: false, events: [{ metadata: { reason: "runtime_does_not_trust" } }] },
    ]);
  });
});
