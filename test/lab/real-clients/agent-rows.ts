import { join } from "node:path";
import type { NpmClient } from "./npm-clients.js";
import type { Call, Place, Protocol, RealClient, Runtime } from "./real-client.js";
import { nodeFor } from "./sdk-rows.js";

const QUESTION = "Hello";
/** What the transcripts of the providers' formats answer. */
const ANSWER = /\S/;

interface Agent {
  readonly name: string;
  readonly client: NpmClient;
  readonly runtime: Runtime;
  /** Script or executable, below `node_modules`. */
  readonly file: string;
  readonly args: readonly string[];
  readonly host: string;
  readonly protocol?: Protocol;
  readonly env: (place: Place) => Readonly<Record<string, string>>;
  readonly prepare?: (place: Place) => string;
}

const AGENTS: readonly Agent[] = [
  {
    name: "Claude Code",
    client: "claude-code",
    runtime: "bun",
    file: "@anthropic-ai/claude-code-linux-x64/claude",
    args: ["-p", QUESTION, "--model", "claude-sonnet-4-5"],
    host: "api.anthropic.com",
    env: ({ key }) => ({ ANTHROPIC_API_KEY: key, CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1" }),
  },
  {
    name: "Codex",
    client: "codex",
    runtime: "rustls",
    file: "@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex",
    args: ["exec", "--skip-git-repo-check", QUESTION],
    host: "api.openai.com",
    env: ({ key }) => ({ CODEX_API_KEY: key }),
  },
  {
    name: "Gemini CLI",
    client: "gemini-cli",
    runtime: "node",
    file: "@google/gemini-cli/bundle/gemini.js",
    args: ["-p", QUESTION, "-m", "gemini-2.5-flash", "--skip-trust"],
    host: "generativelanguage.googleapis.com",
    env: ({ key }) => ({ GEMINI_API_KEY: key }),
  },
  {
    name: "Qwen Code",
    client: "qwen-code",
    runtime: "node",
    file: "@qwen-code/qwen-code/cli-entry.js",
    args: ["--auth-type", "openai", "-p", QUESTION],
    host: "dashscope.aliyuncs.com",
    // Its own provider's address, as its documentation says.
    env: ({ key }) => ({
      OPENAI_API_KEY: key,
      OPENAI_BASE_URL: "https://dashscope.aliyuncs.com/compatible-mode/v1",
      OPENAI_MODEL: "qwen3-coder-plus",
    }),
  },
  {
    name: "opencode",
    client: "opencode",
    runtime: "bun",
    file: "opencode-linux-x64/bin/opencode",
    args: ["run", "-m", "anthropic/claude-sonnet-4-5", QUESTION],
    host: "api.anthropic.com",
    env: ({ key }) => ({ ANTHROPIC_API_KEY: key, OPENCODE_DISABLE_AUTOUPDATE: "1" }),
  },
  {
    name: "Cline",
    client: "cline",
    runtime: "bun",
    file: "@cline/cli-linux-x64/bin/cline",
    args: ["--provider", "anthropic", "--model", "claude-sonnet-4-5", "Say hello to me"],
    host: "api.anthropic.com",
    env: ({ key }) => ({ ANTHROPIC_API_KEY: key }),
  },
  {
    name: "pi, Anthropic",
    client: "pi",
    runtime: "node",
    file: "@mariozechner/pi-coding-agent/dist/cli.js",
    args: ["-p", "--provider", "anthropic", "--model", "claude-sonnet-4-5", QUESTION],
    host: "api.anthropic.com",
    env: ({ key }) => ({ ANTHROPIC_API_KEY: key }),
  },
  {
    name: "pi, OpenAI",
    client: "pi",
    runtime: "node",
    file: "@mariozechner/pi-coding-agent/dist/cli.js",
    args: ["-p", "--provider", "openai", "--model", "gpt-5", QUESTION],
    host: "api.openai.com",
    env: ({ key }) => ({ OPENAI_API_KEY: key }),
  },
  {
    name: "Kimi Code",
    client: "kimi",
    runtime: "node",
    file: "@moonshot-ai/kimi-code/dist/main.mjs",
    args: ["-p", QUESTION],
    host: "api.moonshot.ai",
    env: ({ key }) => ({ KIMI_MODEL_NAME: "kimi-k2", KIMI_MODEL_API_KEY: key }),
  },
  {
    name: "Continue",
    client: "continue",
    runtime: "node",
    file: "@continuedev/cli/dist/cn.js",
    args: ["-p", QUESTION],
    host: "api.anthropic.com",
    env: ({ key }) => ({ ANTHROPIC_API_KEY: key }),
  },
  {
    name: "Grok CLI",
    client: "grok-cli",
    runtime: "node",
    file: "@vibe-kit/grok-cli/dist/index.js",
    args: ["-p", QUESTION],
    host: "api.x.ai",
    env: ({ key }) => ({ GROK_API_KEY: key }),
  },
];

function agentRow({ name, client, runtime, file, args, host, protocol, env, prepare }: Agent): RealClient {
  const onNode = runtime === "node";
  return {
    name,
    runtime,
    source: { kind: "npm", client },
    ...(onNode ? { node: "node22" } : {}),
    protocol: protocol ?? "http/1.1",
    host,
    trusts: onNode ? "runtime" : "system",
    captured: "full",
    long: true,
    ...(prepare === undefined ? {} : { prepare }),
    call: (place): Call => {
      const program = join(place.npm(client), file);
      return {
        ...(onNode ? { file: nodeFor(place, "node22"), args: [program, ...args] } : { file: program, args }),
        env: { ...env(place), ...(onNode ? { NODE_EXTRA_CA_CERTS: place.publicRoots } : {}), NO_COLOR: "1" },
        prints: ANSWER,
      };
    },
  };
}

/** Agents for the command line, as npm has them. */
export const AGENT_ROWS: readonly RealClient[] = AGENTS.map(agentRow);
