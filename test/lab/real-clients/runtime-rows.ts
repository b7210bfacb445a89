import { join } from "node:path";
import type { Call, Place, Protocol, RealClient, TrustSource } from "./real-client.js";
import { nodeEnvironment, nodeFor } from "./sdk-rows.js";

const HOST = "api.openai.com";
const program = ({ project }: Place, name: string): string =>
  join(project, "test/lab/real-clients/clients", name);

function nodeRow(way: string, protocol: Protocol, node?: NonNullable<RealClient["node"]>): RealClient {
  const grpc = protocol === "grpc";
  return {
    name: `Node's ${way}${node === undefined ? "" : `, ${node}`}`,
    runtime: "node",
    source:
      way === "ws" || grpc
        ? { kind: "dependency", package: grpc ? "@grpc/grpc-js" : "ws" }
        : { kind: "runtime", package: "nodejs" },
    ...(node === undefined ? {} : { node }),
    protocol,
    host: grpc ? "generativelanguage.googleapis.com" : HOST,
    trusts: "runtime",
    captured: grpc ? "exchange" : "full",
    call: (place) => ({
      file: nodeFor(place, node),
      args: [program(place, "node.mjs"), way],
      env: nodeEnvironment(place),
    }),
  };
}

function pythonRow(
  way: string,
  debian: string,
  protocol: Protocol = "http/1.1",
  trusts: TrustSource = "system",
): RealClient {
  return {
    name: `Python's ${way.replace("_", ".")}${trusts === "program" ? ", with roots of its own" : ""}`,
    runtime: "python",
    source: { kind: "debian", package: debian },
    protocol,
    host: HOST,
    trusts,
    captured: "full",
    call: (place) => ({
      file: "/usr/bin/python3",
      args: [program(place, "call.py"), way, ...(trusts === "program" ? [place.publicRoots] : [])],
      env: { API_KEY: place.key },
    }),
  };
}

function goRow(way: "h1" | "h2" | "parallel", name: string): RealClient {
  return {
    name,
    runtime: "go",
    source: { kind: "debian", package: "golang-go" },
    protocol: way === "h1" ? "http/1.1" : "h2",
    host: HOST,
    trusts: "system",
    ...(way === "h1" && { underRun: "unseen" }),
    captured: "full",
    call: (place) => ({ file: join(place.programs, "call"), args: [way], env: { API_KEY: place.key } }),
  };
}

function javaRow(version: "HTTP_1_1" | "HTTP_2"): RealClient {
  return {
    name: `Java's HttpClient, ${version}`,
    runtime: "java",
    source: { kind: "debian", package: "openjdk-17-jdk-headless" },
    protocol: version === "HTTP_2" ? "h2" : "http/1.1",
    host: HOST,
    // Debian's Java takes its roots from the system's store, when a hook copies them.
    trusts: "system",
    underRun: "unread",
    captured: "full",
    call: (place) => ({
      file: "java",
      args: ["-XX:TieredStopAtLevel=1", "-cp", place.programs, "Call", version],
      env: { API_KEY: place.key },
    }),
  };
}

function scriptRow(
  name: string,
  file: string,
  debian: string,
  script: string,
  ...more: readonly string[]
): RealClient {
  return {
    name,
    runtime: "script",
    source: { kind: "debian", package: debian },
    protocol: "http/1.1",
    host: HOST,
    trusts: "system",
    captured: "full",
    call: (place) => ({ file, args: [program(place, script), ...more], env: { API_KEY: place.key } }),
  };
}

const bunCall = (place: Place, script: string, ...args: readonly string[]): Call => ({
  file: join(place.npm("bun"), "@oven/bun-linux-x64/bin/bun"),
  args: [program(place, script), ...args],
  env: { API_KEY: place.key },
});

const denoCall = (place: Place, script: string, ...args: readonly string[]): Call => ({
  file: join(place.npm("deno"), "@deno/linux-x64-glibc/deno"),
  args: ["run", "--allow-all", "--no-lock", "--node-modules-dir=manual", program(place, script), ...args],
  env: { API_KEY: place.key, DENO_CERT: place.publicRoots, DENO_NO_UPDATE_CHECK: "1" },
});

const bun = { runtime: "bun", source: { kind: "npm", client: "bun" }, host: HOST, captured: "full" } as const;
const deno = { ...bun, runtime: "deno", source: { kind: "npm", client: "deno" } } as const;

/** What languages and runtimes have of their own to ask with. */
export const RUNTIME_ROWS: readonly RealClient[] = [
  nodeRow("https", "http/1.1"),
  nodeRow("fetch", "http/1.1"),
  nodeRow("http2", "h2"),
  nodeRow("ws", "websocket"),
  nodeRow("grpc", "grpc"),
  nodeRow("https", "http/1.1", "node22"),
  nodeRow("fetch", "http/1.1", "node22"),
  nodeRow("https", "http/1.1", "node24"),
  nodeRow("fetch", "http/1.1", "node24"),
  nodeRow("fetch", "http/1.1", "node26"),
  nodeRow("http2", "h2", "node26"),
  pythonRow("urllib_request", "python3"),
  pythonRow("http_client", "python3"),
  pythonRow("ssl_socket", "python3"),
  pythonRow("requests", "python3-requests"),
  pythonRow("httpx", "python3-httpx"),
  pythonRow("httpx_http2", "python3-h2", "h2"),
  pythonRow("aiohttp", "python3-aiohttp"),
  pythonRow("websockets", "python3-websockets", "websocket"),
  pythonRow("requests", "python3-requests", "http/1.1", "program"),
  pythonRow("httpx", "python3-httpx", "http/1.1", "program"),
  pythonRow("aiohttp", "python3-aiohttp", "http/1.1", "program"),
  goRow("h1", "Go's net/http, HTTP/1.1"),
  goRow("h2", "Go's net/http, HTTP/2"),
  goRow("parallel", "Go's net/http, 40 first requests at once"),
  javaRow("HTTP_1_1"),
  javaRow("HTTP_2"),
  scriptRow("Perl's LWP", "perl", "libwww-perl", "call.pl"),
  scriptRow("Ruby's net/http", "ruby", "ruby", "call.rb"),
  scriptRow("PHP's streams", "php", "php-cli", "call.php", "streams"),
  scriptRow("PHP's curl", "php", "php-curl", "call.php", "curl"),
  {
    ...bun,
    name: "Bun's fetch",
    protocol: "http/1.1",
    trusts: "system",
    call: (place) => bunCall(place, "builtin-fetch.mjs"),
  },
  {
    ...bun,
    name: "anthropic SDK, stream, Bun",
    protocol: "http/1.1",
    host: "api.anthropic.com",
    trusts: "system",
    call: (place) => bunCall(place, "sdk.mjs", "anthropic", "stream"),
  },
  {
    ...deno,
    name: "Deno's fetch",
    protocol: "h2",
    trusts: "runtime",
    call: (place) => denoCall(place, "builtin-fetch.mjs"),
  },
  {
    ...deno,
    name: "openai SDK, stream, Deno",
    protocol: "h2",
    trusts: "runtime",
    call: (place) => denoCall(place, "sdk.mjs", "openai", "stream"),
  },
];
