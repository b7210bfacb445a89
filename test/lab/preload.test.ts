import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import { PRELOADS } from "../../src/engine/preload.js";
import { temporaryFolder } from "../temporary-folder.js";
import { eventsIn } from "./first-contact.js";
import { PROJECT, spawnOximy } from "./oximy.js";
import { requireLab } from "./require-lab.js";

const HOST = "api.openai.com";
const ROOTS = "/etc/ssl/certs/ca-certificates.crt";
const LIBRARY = PRELOADS.find((file) => existsSync(file))!;
const python = (source: string) => ["/usr/bin/python3", "-c", source];
/** What heeds no proxy variable, and says who its peer is. */
const CALL = `
import http.client
def call():
    c = http.client.HTTPSConnection("${HOST}", timeout=20, source_address=globals().get("FROM"), context=globals().get("CONTEXT"))
    c.request("GET", "/v1/models", headers={"authorization": "Bearer sk-test"})
    print(c.getresponse().status, c.sock.getpeername()[1] if c.sock else "")
`;

/** Has the calls that follow made with a context that heeds no SSLKEYLOGFILE. */
const OWN_CONTEXT = `
import ssl
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CONTEXT.load_verify_locations("${ROOTS}")
`;

/** Has the calls that follow made from the address that the machine itself would choose. */
const BOUND = `
import socket
probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
probe.connect((socket.getaddrinfo("${HOST}", 9, socket.AF_INET)[0][4]))
FROM = (probe.getsockname()[0], 0)
`;

describe.skipIf(requireLab())("a program that heeds no proxy variable, under `oximy run`", () => {
  let lab: Lab;
  let home: string;

  beforeAll(async () => {
    lab = await createLab();
    await lab.addServer({ names: [HOST] });
  });
  beforeEach(() => {
    home = temporaryFolder();
  });
  afterAll(() => lab?.close());

  const run = async (command: readonly string[], env: Record<string, string> = {}) => {
    const { code, stdout, stderr } = await spawnOximy(lab, ["run", "--", ...command], {
      env: { OXIMY_HOME: home, OXIMY_BUNDLE_FILE: join(PROJECT, "data/oisp-bundle.json"), ...env },
    }).exited;
    return { code, stdout, stderr, vias: events().map(({ metadata }) => metadata.via) };
  };

  const events = () => eventsIn(join(home, "traces"));

  it("is captured, and sees its server", async () => {
    expect(await run(python(`${CALL}call()`))).toEqual({
      code: 0,
      stdout: "404 443\n",
      stderr: "",
      vias: ["read"],
    });
  });

  it.each<[string, readonly string[], string]>([
    ["Python, by a context of its own", python(`${OWN_CONTEXT}${CALL}call()`), "404 443\n"],
    [
      "Perl",
      [
        "perl",
        "-MLWP::UserAgent",
        "-e",
        `print LWP::UserAgent->new(env_proxy => 0)->get("https://${HOST}/v1/models")->code`,
      ],
      "404",
    ],
    [
      "openssl s_client",
      [
        "sh",
        "-c",
        `printf 'GET /v1/models HTTP/1.0\r\nHost: ${HOST}\r\n\r\n' | openssl s_client -quiet -ign_eof -verify_return_error -connect ${HOST}:443 2>/dev/null | head -n 1`,
      ],
      "HTTP/1.1 404 Not Found\r\n",
    ],
  ])("%s is read, though it keeps no key log of its own", async (_name, command, printed) => {
    expect(await run(command)).toMatchObject({ code: 0, stdout: printed, vias: ["read"] });
  });

  it("keeps the key log that it has", async () => {
    const log = join(home, "own.log");
    const source = `
import ssl, urllib.request
context = ssl.create_default_context()
context.keylog_filename = "${log}"
try: urllib.request.urlopen("https://${HOST}/v1/models", context=context)
except urllib.error.HTTPError as error: print(error.code)`;
    expect(await run(python(source))).toMatchObject({ code: 0, stdout: "404\n" });
    expect(readFileSync(log, "utf8")).toMatch(/CLIENT_TRAFFIC_SECRET_0/);
  });

  it("is captured when its sockets do not wait", async () => {
    const source = `
import asyncio, ssl
async def main():
    reader, writer = await asyncio.open_connection("${HOST}", 443, ssl=ssl.create_default_context())
    writer.write(b"GET /v1/models HTTP/1.1\\r\\nHost: ${HOST}\\r\\nConnection: close\\r\\n\\r\\n")
    print((await reader.readline()).decode().strip(), writer.get_extra_info("peername")[1])
asyncio.run(main())`;
    const { code, stdout, stderr, vias } = await run(python(source));
    expect({ code, stderr, stdout, vias }).toMatchObject({ code: 0, stderr: "", vias: ["read"] });
    expect(stdout).toMatch(/^HTTP\/1.1 404 .* 443$/m);
  });

  it.each<[string, string, Record<string, string>]>([
    ["it was given another proxy", "os.environ['HTTPS_PROXY'] = os.environ['https_proxy'] = GONE", {}],
    ["it was given none", "del os.environ['HTTPS_PROXY'], os.environ['https_proxy']", {}],
    ["NO_PROXY is *", "", { NO_PROXY: "*" }],
    ["NO_PROXY names the host", "", { NO_PROXY: `localhost,${HOST}` }],
    [
      "the run is over",
      "os.environ.update(OXIMY_RUN_PROXY=GONE, HTTPS_PROXY=GONE, OXIMY_RUN_PROXY_V6='http://[::1]:9')",
      {},
    ],
    ["its socket is bound to an address of its own", BOUND, {}],
  ])("goes its own way when %s", async (_why, before, env) => {
    expect(
      await run(python(`import os\nGONE = 'http://127.0.0.1:9'\n${before}\n${CALL}call()`), env),
    ).toMatchObject({
      code: 0,
      stdout: "404 443\n",
      vias: [],
    });
  });

  it("goes its own way when what listens there is not the proxy", async () => {
    const listener = `
import os, socket, threading
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
os.environ["OXIMY_RUN_PROXY"] = os.environ["HTTPS_PROXY"] = f"http://127.0.0.1:{s.getsockname()[1]}"
del os.environ["OXIMY_RUN_PROXY_V6"]
def serve():
    for answer in (b"", b"HTTP/1.1 403 Forbidden\\r\\n\\r\\n", b"nonsense\\r\\n" * 100):
        c, _ = s.accept(); c.recv(1000); c.sendall(answer); c.close()
threading.Thread(target=serve, daemon=True).start()
`;
    expect(await run(python(`${listener}${CALL}call(); call(); call()`))).toMatchObject({
      code: 0,
      stdout: "404 443\n".repeat(3),
      vias: [],
    });
  });

  it("is told what it would be told when nobody answers there", async () => {
    const source = `
import socket
for port, address in ((443, "203.0.113.250"), (443, "2001:db8:113::fffe"), (80, "${HOST}")):
    try: socket.create_connection((address, port), timeout=1); print("connected")
    except OSError as error: print(type(error).__name__)
s = socket.socket(); s.setblocking(False)
try: s.connect(("127.0.0.1", 1))
except OSError as error: print(type(error).__name__)`;
    const alone = await lab.machine.exec("/usr/bin/python3", ["-c", source]);
    const { stdout } = await run(python(source));
    expect(stdout.split("\n").slice(2)).toEqual(alone.stdout.split("\n").slice(2));
  });

  it("keeps what it would preload anyway", async () => {
    const other = "/usr/lib/x86_64-linux-gnu/libm.so.6";
    const { stdout } = await run(["sh", "-c", 'echo "$LD_PRELOAD"'], { LD_PRELOAD: other });
    expect(stdout).toBe(`${other}:${LIBRARY}\n`);
  });

  it("is left alone where the library's path cannot be said", async () => {
    const { preloadEnvironment } = await import("../../src/engine/preload.js");
    const folder = temporaryFolder();
    const file = join(folder, "a b.so");
    writeFileSync(file, "");
    expect(preloadEnvironment(undefined, undefined, [file])).toEqual({});
    expect(preloadEnvironment(undefined, undefined, [join(folder, "none.so")])).toEqual({});
  });
});
