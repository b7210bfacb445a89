import { execFileSync } from "node:child_process";
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it, test } from "vitest";
import { SessionEnvironment } from "../../src/trust/session-environment.js";
import { SessionFiles } from "../../src/trust/session-files.js";
import { MARK, sessionPlace } from "../../src/trust/session-place.js";
import type { Tool } from "../../src/trust/trust-store.js";
import type { InvokingUser } from "../../src/user/invoking-user.js";
import { temporaryFolder } from "../temporary-folder.js";

const pem = (name: string) => `-----BEGIN CERTIFICATE-----\n${name}\n-----END CERTIFICATE-----`;
const OURS = `${pem("ours")}\n`;
const isRoot = process.getuid?.() === 0;
/** Nobody on the machine has this number. */
const ANA = 24_242;

let user: InvokingUser;
let home: string;
let roots: string[];
let boot: string;
let tools: Tool[];

beforeEach(() => {
  const uid = process.getuid?.() ?? 0;
  const own = { uid, gid: process.getgid?.() ?? 0 };
  user = { ...(isRoot ? { uid: ANA, gid: ANA } : own), home: temporaryFolder() };
  chownSync(user.home, user.uid, user.gid);
  home = join(user.home, ".oximy");
  roots = [pem("root one"), pem("root two")];
  boot = "first";
  tools = [];
});

const session = (platform: NodeJS.Platform = "linux") =>
  new SessionEnvironment({
    home,
    invokingUser: user,
    platform,
    files: new SessionFiles(home, () => roots),
    bootId: () => boot,
    run: (tool) => void tools.push(tool),
  });
const setFile = () => join(user.home, ".config/environment.d/50-oximy.conf");
const rootsFile = () => join(home, "environment/system-roots-and-oximy.pem");
const certificateFile = () => join(home, "environment/oximy-ca-cert.pem");
const read = (path: string) => readFileSync(path, "utf8");
const namesIn = (path: string) => read(path).match(/^(?!-).+$/gm);

describe("the variables of a user's sessions", () => {
  it("are set once, however often it is asked for, and taken back once", () => {
    expect(session().status(OURS)).toEqual({ kind: "not_set" });
    expect(session().install(OURS)).toEqual({ kind: "done" });
    expect(session().install(OURS)).toEqual({ kind: "unchanged" });
    expect(session().status(OURS)).toEqual({ kind: "set" });
    expect(session().uninstall()).toEqual({ kind: "done" });
    expect(session().uninstall()).toEqual({ kind: "unchanged" });
    expect(session().status(OURS)).toEqual({ kind: "not_set" });
    expect(existsSync(setFile())).toBe(false);
  });

  it("name files with our certificate, and with the system's roots and ours", () => {
    session().install(OURS);
    expect(read(setFile())).toBe(`# ${MARK}
NODE_EXTRA_CA_CERTS="${certificateFile()}"
DENO_CERT="${certificateFile()}"
SSL_CERT_FILE="${rootsFile()}"
CURL_CA_BUNDLE="${rootsFile()}"
REQUESTS_CA_BUNDLE="${rootsFile()}"
GIT_SSL_CAINFO="${rootsFile()}"
CARGO_HTTP_CAINFO="${rootsFile()}"
AWS_CA_BUNDLE="${rootsFile()}"
CODEX_CA_CERTIFICATE="${rootsFile()}"
`);
    expect(namesIn(certificateFile())).toEqual(["ours"]);
    expect(namesIn(rootsFile())).toEqual(["root one", "root two", "ours"]);
  });

  it("have our certificate once where the system's store has it too", () => {
    roots.splice(1, 0, pem("ours"));
    session().install(OURS);
    expect(namesIn(rootsFile())).toEqual(["root one", "root two", "ours"]);
    session().uninstall();
    expect(namesIn(rootsFile())).toEqual(["root one", "root two"]);
  });

  it("follow the system's roots at the next start or install", () => {
    session().install(OURS);
    roots = [pem("root two"), pem("root three")];
    expect(session().status(OURS)).toEqual({ kind: "out_of_date" });
    session().refresh(OURS);
    expect(session().status(OURS)).toEqual({ kind: "set" });
    expect(namesIn(rootsFile())).toEqual(["root two", "root three", "ours"]);
    roots = [pem("root four")];
    expect(session().install(OURS)).toEqual({ kind: "done" });
    expect(namesIn(rootsFile())).toEqual(["root four", "ours"]);
  });

  it("are not set by a start that finds none", () => {
    session().refresh(OURS);
    expect(readdirSync(user.home)).toEqual([]);
  });

  it("lead to the system's roots alone after an uninstall, until the machine was started anew", () => {
    session().install(OURS);
    session().uninstall();
    expect(namesIn(rootsFile())).toEqual(["root one", "root two"]);
    expect(namesIn(certificateFile())).toEqual(["root one", "root two"]);
    session().dropEnded();
    expect(existsSync(rootsFile())).toBe(true);
    boot = "second";
    session().dropEnded();
    session().dropEnded();
    expect(existsSync(dirname(rootsFile()))).toBe(false);
  });

  it("that were set again after an uninstall stay over a restart", () => {
    session().install(OURS);
    session().uninstall();
    session().install(OURS);
    boot = "second";
    session().dropEnded();
    expect(session().status(OURS)).toEqual({ kind: "set" });
  });

  it("do not touch a file that is another's", () => {
    mkdirSync(dirname(setFile()), { recursive: true });
    writeFileSync(setFile(), "SSL_CERT_FILE=/mine.pem\n");
    expect(session().status(OURS)).toEqual({ kind: "foreign" });
    expect(session().install(OURS)).toMatchObject({
      kind: "failed",
      why: `${setFile()} was not made by Oximy`,
    });
    expect(session().uninstall()).toEqual({ kind: "unchanged" });
    expect(read(setFile())).toBe("SSL_CERT_FILE=/mine.pem\n");
  });

  it("are not written through a link", () => {
    const target = join(temporaryFolder(), "target");
    writeFileSync(target, `# ${MARK}\n`);
    mkdirSync(dirname(setFile()), { recursive: true });
    symlinkSync(target, setFile());
    expect(session().install(OURS)).toMatchObject({ kind: "failed" });
    expect(session().uninstall()).toEqual({ kind: "unchanged" });
    expect(read(target)).toBe(`# ${MARK}\n`);
  });

  it("leave a link that lies where a file of theirs goes without a target", () => {
    session().install(OURS);
    const target = join(temporaryFolder(), "target");
    writeFileSync(target, "another's");
    execFileSync("ln", ["-sf", target, rootsFile()]);
    session().refresh(OURS);
    expect(read(target)).toBe("another's");
    expect(lstatSync(rootsFile()).isFile()).toBe(true);
  });

  it.runIf(isRoot)("belong to the user, and are for everybody to read", () => {
    session().install(OURS);
    for (const path of [
      setFile(),
      dirname(setFile()),
      rootsFile(),
      certificateFile(),
      dirname(rootsFile()),
    ]) {
      const { uid, gid } = statSync(path);
      expect([path, uid, gid]).toEqual([path, ANA, ANA]);
    }
    for (const path of [setFile(), rootsFile(), certificateFile()])
      expect([path, statSync(path).mode & 0o777]).toEqual([path, 0o644]);
    expect(process.geteuid?.()).toBe(0);
  });

  it.runIf(isRoot)("say what the system said when the folder is not the user's", () => {
    chownSync(user.home, 0, 0);
    const why = expect.stringContaining("EACCES");
    expect(session().status(OURS)).toEqual({ kind: "unknown", why });
    expect(session().install(OURS)).toMatchObject({ kind: "failed", why });
    expect(session().uninstall()).toMatchObject({ kind: "failed", why });
    expect(process.geteuid?.()).toBe(0);
  });

  it("have no place on a system that is not known", () => {
    expect(session("win32").install(OURS)).toMatchObject({ kind: "skipped" });
    expect(session("win32").uninstall()).toEqual({ kind: "unchanged" });
  });
});

const GENERATOR = "/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator";

test.skipIf(!existsSync(GENERATOR))("systemd reads what was written, whatever the path has in it", () => {
  const path = `/home/an a/$HOME/"\\\`/ca.pem`;
  const place = sessionPlace(user.home, "linux")!;
  mkdirSync(dirname(place.path), { recursive: true });
  writeFileSync(place.path, place.text({ NODE_EXTRA_CA_CERTS: path, SSL_CERT_FILE: "/plain.pem" }));
  const printed = execFileSync(GENERATOR, {
    encoding: "utf8",
    env: { HOME: user.home, XDG_CONFIG_HOME: join(user.home, ".config") },
  });
  const shell = execFileSync("sh", ["-c", `${printed}\nprintf %s "$NODE_EXTRA_CA_CERTS"`], {
    encoding: "utf8",
  });
  expect(shell).toBe(path);
  expect(printed).toContain("SSL_CERT_FILE=/plain.pem");
});

describe("on macOS", () => {
  const agent = () => join(user.home, "Library/LaunchAgents/com.oximy.environment.plist");
  const asked = () => tools.map(({ file, args }) => [file, ...args].join(" "));
  const inSession = isRoot ? `/bin/launchctl asuser ${ANA} /bin/launchctl` : "/bin/launchctl";

  it("a LaunchAgent sets the variables at each login, and launchctl at once", () => {
    const names = Object.keys(session("darwin").variables);
    expect(session("darwin").install(OURS)).toEqual({ kind: "done" });
    expect(asked()).toHaveLength(names.length);
    expect(asked()[0]).toBe(`${inSession} setenv NODE_EXTRA_CA_CERTS ${certificateFile()}`);
    expect(session("darwin").status(OURS)).toEqual({ kind: "set" });
    expect(session("darwin").install(OURS)).toEqual({ kind: "unchanged" });

    tools = [];
    expect(session("darwin").uninstall()).toEqual({ kind: "done" });
    expect(asked()).toEqual(names.map((name) => `${inSession} unsetenv ${name}`));
    expect(existsSync(agent())).toBe(false);
  });

  it("the agent's file is a property list, whatever the path has in it", () => {
    const { text } = sessionPlace(user.home, "darwin")!;
    expect(text({ SSL_CERT_FILE: "/Users/o'n & <co>/ca.pem" })).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- ${MARK} -->
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>com.oximy.environment</string>
  <key>RunAtLoad</key>
  <true/>
  <key>ProgramArguments</key>
  <array>
    <string>/bin/sh</string>
    <string>-c</string>
    <string>/bin/launchctl setenv SSL_CERT_FILE '/Users/o'\\''n &amp; &lt;co&gt;/ca.pem'</string>
  </array>
</dict>
</plist>
`);
  });

  it("says what launchctl said when it failed", () => {
    const failing = new SessionEnvironment({
      home,
      invokingUser: user,
      platform: "darwin",
      files: new SessionFiles(home, () => roots),
      bootId: () => boot,
      run: () => {
        throw new Error("launchctl ended with 5");
      },
    });
    expect(failing.install(OURS)).toMatchObject({ kind: "failed", why: "launchctl ended with 5" });
  });
});
