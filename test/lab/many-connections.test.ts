import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import type { LabProcess } from "../../lab/lab-process.js";
import { keepPrinted, MAIN } from "../built-oximy.js";
import { makeHome, sudoEnvironment } from "./oximy.js";
import { requireLab } from "./require-lab.js";

const OFFENDER = 23_777;
const OTHER = 23_888;
/** A status, whatever it is: somebody is there. */
const ANSWERED = /^[1-5]\d\d$/;

/** 300 connections that say nothing, as one user, until it is told to end. */
const IDLE = `
const { connect } = require("node:net");
let open = 0;
for (let index = 0; index < 300; index++)
  connect(443, "api.openai.com", () => ++open === 300 && console.log("held")).on("error", () => {});
`;

describe.skipIf(requireLab())("300 idle connections of one user, at a limit of 512 descriptors", () => {
  let lab: Lab;
  let oximy: LabProcess;
  beforeAll(async () => {
    lab = await createLab();
    await lab.addServer({ names: ["api.openai.com"] });
    const command = `ulimit -n 512; exec node ${MAIN} local --no-read`;
    oximy = lab.machine.spawn("sh", ["-c", command], { env: sudoEnvironment(makeHome()) });
    keepPrinted(oximy.child);
    await said(/Capturing AI traffic/);
  });
  afterAll(async () => {
    oximy?.kill("SIGINT");
    await oximy?.exited;
    await lab?.close();
  });

  /** Resolves when that is in its log, from then on or before. */
  const said = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (pattern.test(oximy.stderr)) resolve();
      };
      oximy.child.stderr.on("data", look);
      oximy.exited.then(({ stderr }) => reject(new Error(stderr)), reject);
      look();
    });
  const call = () =>
    lab.machine.exec(
      "curl",
      ["-sSk", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", "https://api.openai.com/v1/models"],
      {
        uid: OTHER,
      },
    );
  const isRedirected = async () =>
    /table inet oximy$/m.test((await lab.machine.exec("nft", ["list", "tables"])).stdout);

  it("do not keep anybody from the network; that they are there is said, and when there is room again", async () => {
    const idle = lab.machine.spawn("node", ["-e", IDLE], { uid: OFFENDER });
    await idle.printed(/held/);
    await said(/error: proxy: \d+ connections are open, of \d+ that can be; new ones go directly/);
    await expect.poll(isRedirected, { timeout: 10_000 }).toBe(false);
    for (let count = 0; count < 3; count++) expect((await call()).stdout).toMatch(ANSWERED);
    await idle.stop();
    await said(/there is room again; capturing/);
    expect(await isRedirected()).toBe(true);
    expect((await call()).stdout).toMatch(ANSWERED);
  }, 90_000);
});
