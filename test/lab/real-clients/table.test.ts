import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requireLab } from "../require-lab.js";
import { availableClients } from "./availability.js";
import { type CallResult, ClientsLab } from "./clients-lab.js";
import { callAll } from "./every-client.js";
import { REAL_CLIENTS } from "./table.js";

/** Every row, so that none goes unnoticed. */
const NAMES: readonly string[] = [
  "openai SDK, plain",
  "openai SDK, stream",
  "responses SDK, plain",
  "responses SDK, stream",
  "anthropic SDK, plain",
  "anthropic SDK, stream",
  "google SDK, plain",
  "google SDK, stream",
  "cohere SDK, plain",
  "cohere SDK, stream",
  "mistral SDK, plain",
  "mistral SDK, stream",
  "groq SDK, plain",
  "groq SDK, stream",
  "ollama SDK, plain",
  "ollama SDK, stream",
  "bedrock SDK, plain",
  "bedrock SDK, stream",
  "openai SDK, stream, node22",
  "openai SDK, stream, node24",
  "openai SDK, stream, node26",
  "Node's https",
  "Node's fetch",
  "Node's http2",
  "Node's ws",
  "Node's grpc",
  "Node's https, node22",
  "Node's fetch, node22",
  "Node's https, node24",
  "Node's fetch, node24",
  "Node's fetch, node26",
  "Node's http2, node26",
  "Python's urllib.request",
  "Python's http.client",
  "Python's ssl.socket",
  "Python's requests",
  "Python's httpx",
  "Python's httpx.http2",
  "Python's aiohttp",
  "Python's websockets",
  "Python's requests, with roots of its own",
  "Python's httpx, with roots of its own",
  "Python's aiohttp, with roots of its own",
  "Go's net/http, HTTP/1.1",
  "Go's net/http, HTTP/2",
  "Go's net/http, 40 first requests at once",
  "Java's HttpClient, HTTP_1_1",
  "Java's HttpClient, HTTP_2",
  "Perl's LWP",
  "Ruby's net/http",
  "PHP's streams",
  "PHP's curl",
  "Bun's fetch",
  "anthropic SDK, stream, Bun",
  "Deno's fetch",
  "openai SDK, stream, Deno",
  "curl --http1.1",
  "curl --http2",
  "wget",
  "git over https",
  "openssl s_client",
  "gnutls-cli",
  "Chromium, a page",
  "Firefox, a page",
  "Claude Code",
  "Codex",
  "Gemini CLI",
  "Qwen Code",
  "opencode",
  "Cline",
  "pi, Anthropic",
  "pi, OpenAI",
  "Kimi Code",
  "Continue",
  "Grok CLI",
];

describe("the table of real clients", () => {
  it("has these rows", () => {
    expect(REAL_CLIENTS.map(({ name }) => name)).toEqual(NAMES);
    expect(new Set(NAMES).size).toBe(NAMES.length);
    expect(NAMES.length).toBeGreaterThanOrEqual(51);
  });

  it("names no package of the distribution that is not installed for the tests", () => {
    const installed = readFileSync(
      new URL("../../../scripts/install-lab-clients.sh", import.meta.url),
      "utf8",
    );
    const packages = REAL_CLIENTS.flatMap(({ source }) => (source.kind === "debian" ? [source.package] : []));
    expect(packages.filter((name) => !installed.split(/[\s"]+/).includes(name))).toEqual([]);
  });
});

describe.skipIf(requireLab())("without oximy", async () => {
  const clients = await availableClients(REAL_CLIENTS);
  let lab: ClientsLab;
  let results: ReadonlyMap<string, readonly CallResult[]>;
  beforeAll(async () => {
    lab = await ClientsLab.start(clients);
    results = await callAll(lab, 1);
  }, 3_600_000);
  afterAll(() => lab?.close());

  it.each(clients.map(({ name }) => name))("%s makes its call", (name) => {
    const [result] = results.get(name)!;
    expect(result?.ok, result?.output.slice(-2_000)).toBe(true);
    // Whatever the program says of itself.
    const asked = lab.server.requests.filter(({ key }) => key === result!.key);
    expect(asked.some(({ status }) => status < 300)).toBe(true);
  });
});
