import { ERROR_CODES, type ErrorCode } from "../../src/errors.js";

interface Explanation {
  readonly meaning: string;
  readonly causes: string;
  readonly advice: string;
}

/** One for each code: a code without one does not compile. */
const EXPLANATIONS: Record<ErrorCode, Explanation> = {
  OXIMY_E_USAGE: {
    meaning: "The command line is invalid.",
    causes: "An app filter that cannot be read, a user that does not exist, `--all-hosts` without `--app`.",
    advice: "The message names the option; `oximy COMMAND --help` lists all of them.",
  },
  OXIMY_E_CONFIG: {
    meaning: "The configuration file or an environment variable cannot be used.",
    causes:
      "`config.json`, the user's or root's, is not a JSON object or has an unknown key, root's is writable by others, a value has the wrong format, `HTTPS_PROXY` does not name an HTTP proxy.",
    advice:
      "Correct what the message names. [configuration.md](configuration.md) lists every key and variable.",
  },
  OXIMY_E_PRIVILEGE: {
    meaning: "This needs root, or a port that only root may open.",
    causes: "`oximy local`, `cleanup`, `uninstall` or a change of the system's trust store without sudo.",
    advice: "Run it with sudo, or use `oximy run -- COMMAND` or `oximy proxy`, which need no root.",
  },
  OXIMY_E_PLATFORM: {
    meaning: "This system cannot do that.",
    causes: "`oximy local` on a system other than Linux and macOS.",
    advice: "Use `oximy proxy`.",
  },
  OXIMY_E_NATIVE_MISSING: {
    meaning: "The native addon could not be loaded.",
    causes:
      "It was never built, or was built for another system, processor or C library. The message lists the paths that were tried.",
    advice: "Run `npm run build:native` in Oximy's folder.",
  },
  OXIMY_E_TOOL_MISSING: {
    meaning: "A tool of the system is not installed, or cannot do what is needed here.",
    causes: "Neither nft nor iptables; no certutil for a browser's certificates; no curl for the demo.",
    advice: "Install what the message names. `oximy doctor` lists everything that is missing.",
  },
  OXIMY_E_PORT_TAKEN: {
    meaning: "Another program listens on the port.",
    causes: "Usually another `oximy proxy`.",
    advice: "Stop that program, or choose another port with `--port`.",
  },
  OXIMY_E_BUNDLE_UNREADABLE: {
    meaning: "The file given with `--bundle-file` cannot be read.",
    causes: "It does not exist, or you may not read it.",
    advice: "Correct the path, or leave the option out.",
  },
  OXIMY_E_BUNDLE_NOT_JSON: {
    meaning: "The bundle is not JSON.",
    causes: "A web page or another file was saved under its name.",
    advice: "Fetch the bundle again. Only a file given by option ends a run: a broken URL never does.",
  },
  OXIMY_E_BUNDLE_NO_HOSTS: {
    meaning: "The bundle knows no hosts, so nothing would be captured.",
    causes: "It is another document, or has a format that this version does not support.",
    advice: "Use the published bundle, or update Oximy.",
  },
  OXIMY_E_BUNDLE_TOO_LARGE: {
    meaning: "The bundle is too large, or nested too deeply.",
    causes: "Another document is published there.",
    advice: "Check `--bundle-url` or `--bundle-file`.",
  },
  OXIMY_E_BUNDLE_FETCH: {
    meaning: "The bundle could not be fetched.",
    causes: "No network, a proxy in between, or a wrong URL.",
    advice:
      "A capture continues with the last copy, or with the one included in Oximy. Check `--bundle-url`.",
  },
  OXIMY_E_OUTPUT_DIR: {
    meaning: "Events cannot be written to the output folder, or read from it.",
    causes:
      "It is a file, or the disk is read-only; or it or a folder above it belongs to another user, or is writable by others, who could then read or replace the events.",
    advice: "Name another folder with `--output-dir`, or correct its permissions.",
  },
  OXIMY_E_CA: {
    meaning: "The certificate authority cannot be used.",
    causes: "Its files are damaged, expired, do not match, or you may not read them.",
    advice:
      "Make its folder accessible to you (your own: `~/.oximy/ca`, the machine's: `/var/lib/oximy/ca`), or move that folder away: a new CA is created, which must be trusted again.",
  },
  OXIMY_E_TRUST: {
    meaning: "A trust store could not be changed.",
    causes:
      "Its tool failed; the message includes its output. A browser's store can be locked by a password.",
    advice: "Do what the message says, then run the command again: completed steps are kept.",
  },
  OXIMY_E_REDIRECT: {
    meaning: "The redirect could not be installed or removed, or was removed by something else.",
    causes: "Another `oximy local` holds it, or the process that held it was killed.",
    advice: "End the process that the message names; or run `sudo oximy cleanup`, then `sudo oximy doctor`.",
  },
  OXIMY_E_SELF_TEST: {
    meaning:
      "The redirect was installed, but a test connection did not arrive through it. It was removed again.",
    causes: "A firewall, VPN or container rule takes connections first.",
    advice: "Run `sudo oximy doctor`. Pause the VPN, or use `oximy run -- COMMAND`.",
  },
  OXIMY_E_PROXY_DIED: {
    meaning: "The proxy process exited or did not start. The redirect is removed; connections go directly.",
    causes: "It was killed, ran out of memory, or has a bug.",
    advice: "Start it again with `--verbose`; the last lines before the exit show the reason.",
  },
  OXIMY_E_FILE: {
    meaning: "A file or folder cannot be used.",
    causes:
      "It belongs to another user, the disk is full or read-only, or there is a file where a folder is needed.",
    advice:
      "Correct what the message names; or run as the user who owns it, or move `~/.oximy` by `OXIMY_HOME`.",
  },
  OXIMY_E_INTERNAL: {
    meaning: "An unexpected error.",
    causes: "A bug in Oximy.",
    advice: "Report it with the complete output.",
  },
};

/** The exit codes, from every error's own. */
const EXIT_CODES: Record<number, string> = {
  0: "done",
  1: "failed",
  2: "wrong usage or configuration",
  3: "missing privilege",
  4: "the machine lacks something",
  130: "interrupted (Ctrl-C)",
};

export function errorsDoc(): string {
  const sections = Object.entries(EXPLANATIONS).map(([code, { meaning, causes, advice }]) =>
    [
      `## ${code}`,
      "",
      `${meaning} Exit code ${ERROR_CODES[code as ErrorCode]}.`,
      "",
      `- Why: ${causes}`,
      `- What to do: ${advice}`,
      "",
    ].join("\n"),
  );
  return `# Errors

<!-- Generated from src/errors.ts: UPDATE_DOCS=1 npx vitest run test/docs -->

Every error states what happened and why, has a stable code, and ends with what to do:

\`\`\`
oximy: Removing redirect rules needs root. [OXIMY_E_PRIVILEGE]
  Run: sudo oximy cleanup
\`\`\`

With \`--json\` it is one line: \`{"level":"error","code":…,"message":…,"advice":…}\`.

| exit code | meaning |
|---|---|
${Object.entries(EXIT_CODES)
  .map(([code, meaning]) => `| ${code} | ${meaning} |`)
  .join("\n")}

\`oximy run\` exits with the exit code of its command.

${sections.join("\n")}`;
}
