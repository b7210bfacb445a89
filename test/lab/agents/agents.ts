import type { NpmClient } from "../real-clients/npm-clients.js";
import { delegation, filling } from "./model-server.js";

/** An agent for the command line, and how a session of it goes on from one command to the next. */
export interface Agent {
  readonly name: string;
  readonly client: NpmClient;
  /** Executable or script below `node_modules`. */
  readonly file: string;
  /** Run by Node 22. */
  readonly script?: true;
  readonly host: string;
  readonly env: Readonly<Record<string, string>>;
  /**
   * Arguments of each command of a session, which begins by having a part of the work delegated, and in which the
   * conversation is made short: by a command, or because the model says that its window is nearly full.
   */
  commands(session: string, word: string): readonly (readonly string[])[];
}

const KEY = "labkey-1-1-x";
const further = (word: string) => `And what else is there about ${word}?`;
const last = (word: string) => `So what of ${word} now?`;
const CODEX = ["exec", "--skip-git-repo-check"];

export const AGENTS: readonly Agent[] = [
  {
    name: "Claude Code",
    client: "claude-code",
    file: "@anthropic-ai/claude-code-linux-x64/claude",
    host: "api.anthropic.com",
    env: { ANTHROPIC_API_KEY: KEY, CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1", DISABLE_AUTOUPDATER: "1" },
    commands: (session, word) => [
      ["-p", delegation(word), "--model", "claude-sonnet-4-5", "--session-id", session],
      ["-p", further(word), "--model", "claude-sonnet-4-5", "--resume", session],
      ["-p", "/compact", "--model", "claude-sonnet-4-5", "--resume", session],
      ["-p", last(word), "--model", "claude-sonnet-4-5", "--resume", session],
    ],
  },
  {
    name: "Codex",
    client: "codex",
    file: "@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex",
    host: "api.openai.com",
    env: { CODEX_API_KEY: KEY },
    commands: (_, word) => [
      [...CODEX, delegation(word)],
      // Less than what the model says that the first command has come to.
      [...CODEX, "-c", "model_auto_compact_token_limit=15000", "resume", "--last", further(word)],
      [...CODEX, "resume", "--last", last(word)],
    ],
  },
  {
    name: "opencode",
    client: "opencode",
    file: "opencode-linux-x64/bin/opencode",
    host: "api.anthropic.com",
    env: {
      ANTHROPIC_API_KEY: KEY,
      OPENCODE_DISABLE_AUTOUPDATE: "1",
      OPENCODE_DISABLE_MODELS_FETCH: "1",
    },
    commands: (_, word) => [
      ["run", "-m", "anthropic/claude-sonnet-4-5", delegation(word)],
      ["run", "-m", "anthropic/claude-sonnet-4-5", "--continue", filling(word)],
      ["run", "-m", "anthropic/claude-sonnet-4-5", "--continue", last(word)],
    ],
  },
  {
    name: "Gemini CLI",
    client: "gemini-cli",
    file: "@google/gemini-cli/bundle/gemini.js",
    script: true,
    host: "generativelanguage.googleapis.com",
    env: { GEMINI_API_KEY: KEY },
    commands: (_, word) => [
      ["-p", delegation(word), "-m", "gemini-2.5-flash", "--skip-trust", "--yolo"],
      ["-p", filling(word), "-m", "gemini-2.5-flash", "--skip-trust", "--resume", "latest"],
      ["-p", last(word), "-m", "gemini-2.5-flash", "--skip-trust", "--resume", "latest"],
    ],
  },
];
