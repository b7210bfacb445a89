import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import { validateEvent } from "../event/schema.js";
import { LabOximy, spawnOximy, sudoEnvironment } from "./oximy.js";
import { requireLab } from "./require-lab.js";

const URL_ = "https://api.openai.com/v1/models";

describe.skipIf(requireLab())("a client that does not trust our certificate", () => {
  let lab: Lab;
  let oximy: LabOximy;

  beforeAll(async () => {
    lab = await createLab();
    await lab.addServer({ names: ["api.openai.com"] });
    oximy = await LabOximy.start(lab);
  });
  afterAll(async () => {
    await oximy?.stop();
    await lab?.close();
  });

  const curl = () => lab.machine.exec("curl", ["-sS", "-o", "/dev/null", "-w", "%{http_code}", URL_]);
  /** What a client printed and how its connection was captured, once its event is written. */
  const called = async (command: string, args: string[], env?: Record<string, string>) => {
    const count = oximy.events.length;
    const { stdout } = await lab.machine.exec(command, args, env && { env });
    return [stdout.trim(), (await oximy.captured(count + 1)).at(-1)?.metadata.via];
  };
  /** A script whose roots are its own: nothing outside tells whether it trusts us. */
  const script = (name: string, roots: string) => {
    const path = join(lab.dir, name);
    writeFileSync(
      path,
      `import ssl, sys, urllib.request, urllib.error
context = ssl.create_default_context(cafile=sys.argv[1])
try: urllib.request.urlopen("${URL_}", context=context)
except urllib.error.HTTPError as answer: print(answer.code)
except urllib.error.URLError: print("refused")`,
    );
    return () => called("/usr/bin/python3", [path, roots]);
  };
  const pins = async (...args: string[]) =>
    (await spawnOximy(lab, ["pins", ...args], { env: sudoEnvironment(oximy.home) }).exited).stdout;
  const ROOTS = "/etc/ssl/certs/ca-certificates.crt";

  it("is not shown it when that is known beforehand, with an event for each connection and one line of advice", async () => {
    const before = oximy.events.length;
    for (let call = 0; call < 3; call++) expect(await curl()).toMatchObject({ code: 0, stdout: "404" });
    const events = (await oximy.captured(before + 3)).slice(before);
    for (const event of events) validateEvent(event);
    expect(events.map((event) => event.metadata.reason)).toEqual(Array(3).fill("runtime_does_not_trust"));
    expect(events.map((event) => event.client.name)).toEqual(["curl", "curl", "curl"]);
    expect(events[2]?.metadata.bytes_down).toBeGreaterThan(0);
    await oximy.logged(/curl is seen at api\.openai\.com and not read: .* To have it read, /);
    expect(oximy.process.stderr.match(/curl is seen/g)).toHaveLength(1);
  });

  it("is tried once when it is not, and another script of the same interpreter on its own", async () => {
    const before = join(lab.dir, "roots-before.pem");
    writeFileSync(before, lab.authority.cert);
    lab.trust(readFileSync(oximy.certificate, "utf8"));
    const trusting = script("agent_b.py", ROOTS);
    // Stores are looked at once a second.
    await expect.poll(trusting, { timeout: 15_000 }).toEqual(["404", "intercept"]);
    const distrusting = script("agent_a.py", before);
    expect(await distrusting()).toEqual(["refused", "intercept"]);
    for (let call = 0; call < 2; call++) expect(await distrusting()).toEqual(["404", undefined]);
    await oximy.logged(/agent_a\.py does not trust Oximy's certificate \(unknown ca/);
    expect(await trusting()).toEqual(["404", "intercept"]);
    expect(await pins()).toMatch(/agent_a\.py {2}refused our certificate/);
  });

  it("is captured once it is started with a variable that makes it trust us", async () => {
    const call = (env: Record<string, string>) =>
      called(
        "node",
        ["-e", `fetch("${URL_}").then(({ status }) => console.log(status), () => console.log("refused"))`],
        env,
      );
    const server = { NODE_EXTRA_CA_CERTS: join(lab.dir, "roots-before.pem") };
    expect(await call(server)).toEqual(["404", undefined]);
    expect(await call({ NODE_EXTRA_CA_CERTS: ROOTS })).toEqual(["404", "intercept"]);
    expect(await call(server)).toEqual(["404", undefined]);
  });

  it("is captured once it is upgraded to one that trusts us", async () => {
    const executable = join(lab.dir, "agent");
    const upgrade = () => {
      rmSync(executable, { force: true });
      copyFileSync("/usr/bin/python3", executable);
    };
    const roots = join(lab.dir, "agent-roots.pem");
    const path = join(lab.dir, "agent_a.py");
    const call = () => called(executable, [path, roots]);
    upgrade();
    writeFileSync(roots, lab.authority.cert);
    expect(await call()).toEqual(["refused", "intercept"]);
    writeFileSync(roots, lab.authority.cert + readFileSync(oximy.certificate, "utf8"));
    expect(await call()).toEqual(["404", undefined]);
    upgrade();
    expect(await call()).toEqual(["404", "intercept"]);
    expect(await call()).toEqual(["404", "intercept"]);
  });

  it("is forgotten by `oximy pins clear`", async () => {
    await pins("clear");
    expect(await pins()).toBe("Nothing was learned about any program or server.\n");
  });
});
