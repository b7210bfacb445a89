import { Command, type Option } from "commander";
import { CAPTURE_OPTIONS, type CaptureOption } from "../../src/cli/capture-options.js";
import { addLocalCommand } from "../../src/cli/local.js";
import { variable } from "../../src/cli/option-sources.js";
import { addProxyCommand } from "../../src/cli/proxy.js";
import { addRunCommand } from "../../src/cli/run.js";
import { defaultSettings } from "../../src/user/settings.js";

const camel = (key: string) => key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

function defaultOf({ key }: CaptureOption): string {
  const value = (defaultSettings("~/.oximy") as unknown as Record<string, unknown>)[camel(key)];
  if (value === undefined) return /^(json|quiet|verbose)$/.test(key) ? "`false`" : "–";
  return key === "max_body" ? `\`${Number(value) / (1 << 20)}M\`` : `\`${value}\``;
}

function everywhere(): string {
  const rows = CAPTURE_OPTIONS.map((option) => {
    const { key, flags, description } = option;
    const flag = flags === undefined ? "–" : `\`${flags}\``;
    const short = description.replace(/ \([^()]*\)$/, ""); // the default has a column of its own
    const meaning = flags?.startsWith("--no-") ? `false: ${short}` : short;
    return `| ${flag} | \`${variable(key)}\` | \`${key}\` | ${defaultOf(option)} | ${meaning} |`;
  });
  return ["| flag | variable | key | default | meaning |", "|---|---|---|---|---|", ...rows].join("\n");
}

function flagsOnly(): string {
  const inTable = new Set(CAPTURE_OPTIONS.map(({ flags }) => flags));
  const program = new Command().enablePositionalOptions();
  for (const add of [addLocalCommand, addProxyCommand, addRunCommand]) add(program);
  const commandsOf = new Map<string, { option: Option; commands: string[] }>();
  for (const command of program.commands) {
    for (const option of command.options.filter(({ flags }) => !inTable.has(flags))) {
      const found = commandsOf.get(option.flags) ?? { option, commands: [] };
      found.commands.push(command.name());
      commandsOf.set(option.flags, found);
    }
  }
  const rows = [...commandsOf.values()].map(({ option, commands }) => {
    const value = option.defaultValue;
    const standard = value === undefined || value === false ? "–" : `\`${value}\``;
    return `| \`${option.flags}\` | ${commands.join(", ")} | ${standard} | ${option.description} |`;
  });
  return ["| flag | commands | default | meaning |", "|---|---|---|---|", ...rows].join("\n");
}

export function configurationDoc(): string {
  return `# Configuration

<!-- Generated from the options of the commands: UPDATE_DOCS=1 npx vitest run test/docs -->

Nothing has to be configured. Options can be set by flag, by environment variable or in \`~/.oximy/config.json\`; flags
override variables, and variables override the file. Settings fixed by root override all three
([Fixed by root](#fixed-by-root)).

\`\`\`json
{ "output_dir": "/var/log/oximy", "keep_days": 30, "include_raw": false }
\`\`\`

## By flag, variable or file

${everywhere()}

Sizes are in bytes, or have the suffix K, M or G. Switches are \`true\` or \`false\` (also \`1\`, \`0\`, \`yes\`, \`no\`, \`on\`,
\`off\`). An unknown key is an error, so typos are caught.
\`oximy config\` prints the effective options and their sources.

\`OXIMY_ENABLED=false\` turns capture off without changing the setup: traffic is relayed and nothing is written.

## Fixed by root

\`/etc/oximy/config.json\` has the same keys, and its values apply to every user and every command, regardless of flags,
variables and \`~/.oximy/config.json\`. Users can still set other keys. A flag with a different value is reported in one
line (\`--keep-days is ignored: …\`), and the command continues. \`OTEL_SDK_DISABLED\` and its like do not turn off a fixed
collector. \`oximy config\` marks fixed options.

The file must belong to root, be a regular file and not a link, have at most 64 KB, and neither it nor a folder on its path
may be writable by group or others; otherwise no command starts (\`OXIMY_E_CONFIG\`), since others could set root's values.
All users must be able to read it: \`chmod 0644\`, the folder \`0755\`. No variable changes its path. It binds
\`oximy local\`, which root runs; users who run \`oximy proxy\` or \`run\` themselves could run another program instead.

## By flag only

These apply to a single run.

${flagsOnly()}

## Other variables

| variable | meaning |
|---|---|
| \`OXIMY_HOME\` | moves \`~/.oximy\`: configuration, certificate authority, bundle, events |
| \`HTTPS_PROXY\`, \`ALL_PROXY\`, \`NO_PROXY\` | the proxy that Oximy itself uses to reach servers, interpreted as by curl |
| \`SSL_CERT_FILE\` | roots to verify servers with, instead of the system's |
| \`NODE_EXTRA_CA_CERTS\` | additional roots |
| \`NO_COLOR\` | no colours on the terminal |

sudo drops most variables. Pass them by name, \`sudo OXIMY_OUTPUT_DIR=/data oximy local\`, or use the file; under sudo it is
that of the user who called it.

## Files in ~/.oximy

| file | content |
|---|---|
| \`config.json\` | the options on this page; never written by Oximy |
| \`ca/\` | your own certificate authority, for \`oximy proxy\` and \`oximy run\`; that of \`oximy local\` is root's, in \`/var/lib/oximy/ca\` |
| \`environment/\` | files that session variables refer to (\`oximy ca install --environment\`) |
| \`traces/\` | events, one file a day ([events.md](events.md)) |
| \`bundle-cache.json\` | the last fetched bundle |
| \`otlp/\` | position of the export to a collector ([otlp.md](otlp.md)) |
| \`syslog/\` | position of the export to a log server ([syslog.md](syslog.md)) |
| \`pins.json\` | what was learned about programs and servers (\`oximy pins\`) |

All of them belong to the user who called sudo, folders with mode 0700.
`;
}
