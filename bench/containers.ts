/**
 * What looking for containers and proving their redirects costs while nothing is captured, in the lab (Linux, root):
 *
 *   npm run build && node --import tsx bench/containers.ts [seconds [containers]]
 *
 * CPU is user and system time of supervisor and proxy together, in percent of a core, beside the same capture with
 * --no-containers. "Processes start": a shell starts some hundred a second.
 */
import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { createLab, type Lab } from "../lab/lab.js";
import { LabDocker } from "../test/lab/container.js";
import { LabOximy } from "../test/lab/oximy.js";

const seconds = Number(process.argv[2] ?? 20);
const many = Number(process.argv[3] ?? 12);
/** Of _SC_CLK_TCK. */
const TICKS_PER_SECOND = 100;

const ticksOf = (pid: number) => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ");
  return Number(fields[11]) + Number(fields[12]);
};

async function percent(oximy: LabOximy): Promise<number> {
  const ticks = () => ticksOf(oximy.process.pid) + ticksOf(oximy.proxyPid);
  const before = ticks();
  await setTimeout(seconds * 1_000);
  return ((ticks() - before) * 100) / TICKS_PER_SECOND / seconds;
}

/** With nothing else going on, and while processes start. */
async function measure(lab: Lab, oximy: LabOximy): Promise<[number, number]> {
  await setTimeout(5_000);
  const quiet = await percent(oximy);
  const starting = lab.machine.spawn("sh", ["-c", "while :; do /bin/true; sleep 0.005; done"]);
  const busy = await percent(oximy);
  starting.kill("SIGKILL");
  return [quiet, busy];
}

const lab = await createLab();
try {
  await lab.addServer({ names: ["api.openai.com"] });
  const docker = await LabDocker.start(lab);
  const containers: { remove(): void }[] = [];
  console.log("| % of a core | quiet | processes start |");
  console.log("|---|---|---|");
  const row = async (title: string, oximy: LabOximy) => {
    const figures = await measure(lab, oximy);
    console.log(`| ${title} | ${figures.map((figure) => figure.toFixed(2)).join(" | ")} |`);
  };
  const without = await LabOximy.start(lab, ["--no-containers"]);
  await row("--no-containers", without);
  await without.stop();
  const oximy = await LabOximy.start(lab, ["--verbose"]);
  await row("no container", oximy);
  for (let i = 0; i < many; i++) {
    const container = docker.create(`idle-${i}`, "node:20");
    containers.push(container);
    container.spawn("sleep", ["infinity"]);
    await oximy.logged(new RegExp(`container ${container.id.slice(0, 12)}.*: captured`));
  }
  await row(`${many} containers`, oximy);
  await oximy.stop();
  for (const container of containers) container.remove();
} finally {
  await lab.close();
}
