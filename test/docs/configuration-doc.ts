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

Nothing has to be configured. Options can be set by flag, by environment variable or in \`~/.oximy/config.json\`; the
flag wins over the variable, the variable over the file. What root has fixed wins over all three
([Fixed by root](#fixed-by-root)).

\`\`\`json
{ "output_dir": "/var/log/oximy", "keep_days": 30, "include_raw": false }
\`\`\`

## By flag, variable or file

${everywhere()}

Sizes are bytes, or have K, M or G behind them. Switches are \`true\` or \`false\` (also \`1\`, \`0\`, \`yes\`, \`no\`, \`on\`,
\`off\`). A key that does not exist is an error, so typos are caught.
\`oximy config\` prints what is in force and from where.

\`OXIMY_ENABLED=false\` leaves a set-up in place and switches it off: traffic is relayed and nothing is written.

## Fixed by root

\`/etc/oximy/config.json\` has the same keys, and what it says counts for every user and every command, whatever flags,
variables and \`~/.oximy/config.json\` say. Keys that it does not have stay the user's to choose. A flag that says
something else is reported in one line (\`--keep-days is ignored: …\`), and the command goes on. A collector that is
fixed is not switched off by \`OTEL_SDK_DISABLED\` and its like. \`oximy config\` marks what is fixed.

The file must be root's, a regular file and no link, at most 64 KB, and neither it nor a folder on its path may be
writable by group or others; otherwise nothing starts (\`OXIMY_E_CONFIG\`), since what somebody else wrote there would
count as root's word. Everybody must be able to read it: \`chmod 0644\`, the folder \`0755\`. No variable names another
place. It binds \`oximy local\`, which root runs; who runs \`oximy proxy\` or \`run\` as himself can run another
program in its place.

## By flag only

These say what this one run is about.

${flagsOnly()}

## Other variables

| variable | meaning |
|---|---|
| \`OXIMY_HOME\` | moves \`~/.oximy\`: configuration, certificate authority, bundle, events |
| \`HTTPS_PROXY\`, \`ALL_PROXY\`, \`NO_PROXY\` | the proxy by which Oximy itself reaches servers, as curl reads them |
| \`SSL_CERT_FILE\` | roots against which servers are verified, instead of the system's |
| \`NODE_EXTRA_CA_CERTS\` | roots in addition to those |
| \`NO_COLOR\` | no colours at the terminal |

sudo drops most variables. Hand them over by name, \`sudo OXIMY_OUTPUT_DIR=/data oximy local\`, or use the file, which
under sudo is that of the user who called it.

## Files in ~/.oximy

| file | what |
|---|---|
| \`config.json\` | what this page is about; never written by Oximy |
| \`ca/\` | your own certificate authority, of \`oximy proxy\` and \`oximy run\`; that of \`oximy local\` is root's, in \`/var/lib/oximy/ca\` |
| \`environment/\` | what the variables of sessions name (\`oximy ca install --environment\`) |
| \`traces/\` | events, one file a day ([events.md](events.md)) |
| \`bundle-cache.json\` | the last bundle that was fetched |
| \`otlp/\` | how far a collector has been told of events ([otlp.md](otlp.md)) |
| \`syslog/\` | how far a log server has been told of them ([syslog.md](syslog.md)) |
| \`pins.json\` | what was learned of programs and servers (\`oximy pins\`) |

All of them belong to the user who called sudo, folders with mode 0700.
`;
}
