import { join } from "node:path";
import type { Place, RealClient } from "./real-client.js";

const HOST = "api.openai.com";
const PATH = "/v1/chat/completions";
const QUESTION = JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: "Hello" }] });

const headers = ({ key }: Place) => [`authorization: Bearer ${key}`, "content-type: application/json"];

/** For programs that carry what they are given: ends with the answer. */
const request = (place: Place): string =>
  [
    `POST ${PATH} HTTP/1.1`,
    `host: ${HOST}`,
    ...headers(place),
    `content-length: ${QUESTION.length}`,
    "connection: close",
    "",
    QUESTION,
  ].join("\r\n");

const ANSWER = /"choices"/;

const common = { protocol: "http/1.1", host: HOST, trusts: "system", captured: "full" } as const;

function curlRow(flag: "--http1.1" | "--http2"): RealClient {
  return {
    ...common,
    name: `curl ${flag}`,
    runtime: "openssl",
    source: { kind: "debian", package: "curl" },
    protocol: flag === "--http2" ? "h2" : "http/1.1",
    call: (place) => ({
      file: "curl",
      args: [
        ...["-sS", "--fail", flag, ...headers(place).flatMap((header) => ["-H", header])],
        ...["-d", QUESTION, `https://${HOST}${PATH}`],
      ],
      prints: ANSWER,
    }),
  };
}

/** Loads a page that asks; it tells the server when it has its answer. */
const page = ({ key }: Place): string => `https://${HOST}/page?key=${key}`;

/** Makes an NSS database that trusts the lab's root, as a browser has the public ones built in. */
const database = (folder: string, { publicRoots }: Place): string =>
  `mkdir -p ${folder} && certutil -d sql:${folder} -N --empty-password && ` +
  `certutil -d sql:${folder} -A -t C,, -n public-root -i ${publicRoots}`;

/** Nothing that is not asked for. */
const FIREFOX_PREFERENCES = `
user_pref("app.normandy.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("toolkit.telemetry.enabled", false);`;

/** Programs of the system that have TLS. */
export const TOOL_ROWS: readonly RealClient[] = [
  curlRow("--http1.1"),
  curlRow("--http2"),
  {
    ...common,
    name: "wget",
    runtime: "gnutls",
    source: { kind: "debian", package: "wget" },
    call: (place) => ({
      file: "wget",
      args: [
        ...["-qO-", "--no-hsts", "--tries=1", ...headers(place).map((header) => `--header=${header}`)],
        ...[`--post-data=${QUESTION}`, `https://${HOST}${PATH}`],
      ],
      prints: ANSWER,
    }),
  },
  {
    ...common,
    name: "git over https",
    runtime: "gnutls",
    source: { kind: "debian", package: "git" },
    captured: "exchange",
    call: (place) => ({
      file: "git",
      args: ["-c", `http.extraHeader=x-api-key: ${place.key}`, "ls-remote", `https://${HOST}/weights.git`],
      env: { GIT_TERMINAL_PROMPT: "0" },
      prints: /refs\/heads\/main/,
    }),
  },
  {
    ...common,
    name: "openssl s_client",
    runtime: "openssl",
    source: { kind: "debian", package: "openssl" },
    call: (place) => ({
      file: "openssl",
      // Without -ign_eof it would leave before the answer.
      args: ["s_client", "-quiet", "-ign_eof", "-verify_return_error", "-connect", `${HOST}:443`],
      input: request(place),
      prints: ANSWER,
    }),
  },
  {
    ...common,
    name: "gnutls-cli",
    runtime: "gnutls",
    source: { kind: "debian", package: "gnutls-bin" },
    call: (place) => ({
      file: "gnutls-cli",
      args: ["--no-ocsp", HOST],
      input: request(place),
      // It stops listening when its input ends.
      inputStaysOpen: true,
      prints: ANSWER,
    }),
  },
  {
    ...common,
    name: "Chromium, a page",
    runtime: "boringssl",
    source: { kind: "debian", package: "chromium" },
    protocol: "h2",
    trusts: "profile",
    confirmed: "server",
    prepare: (place) => database(join(place.home, ".pki/nssdb"), place),
    call: (place) => ({
      file: "chromium",
      args: [
        ...["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom"],
        ...[`--user-data-dir=${join(place.home, "chromium")}`, page(place)],
      ],
    }),
  },
  {
    ...common,
    name: "Firefox, a page",
    runtime: "nss",
    source: { kind: "debian", package: "firefox-esr" },
    protocol: "h2",
    trusts: "profile",
    confirmed: "server",
    prepare: (place) => {
      const profile = join(place.home, ".mozilla/firefox/lab.default");
      return `${database(profile, place)} && echo '${FIREFOX_PREFERENCES}' >${profile}/user.js`;
    },
    call: (place) => ({
      file: "firefox-esr",
      args: [
        ...["--headless", "--no-remote", "--profile", join(place.home, ".mozilla/firefox/lab.default")],
        ...["--screenshot", join(place.home, "page.png"), page(place)],
      ],
    }),
  },
];
