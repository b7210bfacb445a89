/** The table printed at the start: which programs are captured, which only seen, and how to change that. */

import { capturesNobody, type Fate, nameOf, type Outlook, READ } from "./outlook.js";
import type { Runtime } from "./runtime.js";

const WIDTH = 100;
const ENVIRONMENT = "sudo oximy ca install --environment";

type Row = readonly [label: string, text: string];

const LABELS: Record<Fate, string> = {
  intercepted: "captured",
  tried_once: "tried once",
  seen_only: "seen only",
};

/** Several lines of at most 100 columns, without a trailing line feed. */
export function outlookTable(outlook: Outlook): string {
  const { reading } = outlook.facts;
  const changes = changeRows(outlook);
  return [
    reading.kind === "on"
      ? "What is captured on this machine:"
      : `What is captured on this machine, where nothing is read without a certificate (${reading.why}):`,
    ...table(reading.kind === "on" ? rowsWithReading(outlook) : fateRows(outlook)),
    ...(changes.length === 0 ? [] : ["To capture more, for programs started afterwards:"]),
    ...table(changes),
  ].join("\n");
}

/** The same in one line, for logs. */
export function outlookLine(outlook: Outlook): string {
  const { reading, interception } = outlook.facts;
  if (reading.kind === "on") return "Programs are read in their own TLS sessions, without a certificate.";
  const without = `Nothing is read without a certificate (${reading.why})`;
  if (interception === "none") return `${without}, and nothing is intercepted: calls are only seen.`;
  return capturesNobody(outlook)
    ? `${without}, and no program trusts Oximy's yet: calls are only seen. Run: ${ENVIRONMENT}`
    : `${without}. Captured: ${namesOf(outlook, "intercepted") || "programs found to trust Oximy's"}.`;
}

const rowsWithReading = (outlook: Outlook): Row[] => [
  ["read", `${list(READ)}: in their own TLS sessions, without a certificate`],
  ...fateRows(outlook),
];

function fateRows(outlook: Outlook): Row[] {
  const { interception } = outlook.facts;
  const remarks: Record<Fate, string> = {
    intercepted:
      interception === "always"
        ? "they are presented with Oximy's certificate, and fail if they do not trust it (--trust always)"
        : "they trust Oximy's certificate",
    tried_once: "whether they trust Oximy's certificate depends on each program's code",
    seen_only:
      interception === "none"
        ? "Oximy's certificate is not presented to them (--no-intercept)"
        : "they do not trust Oximy's certificate",
  };
  const nobody: Row[] = capturesNobody(outlook) ? [[LABELS.intercepted, "none"]] : [];
  const rows = (Object.keys(LABELS) as Fate[]).flatMap((fate): Row[] => {
    const names = namesOf(outlook, fate);
    return names === "" ? [] : [[LABELS[fate], `${names}: ${remarks[fate]}`]];
  });
  return [...nobody, ...rows];
}

function changeRows({ byInstall, byEnvironment }: Outlook): Row[] {
  const also = byInstall.length > 0 ? "also " : "";
  return [
    ...(byInstall.length > 0 ? [["sudo oximy ca install", list(byInstall)] as const] : []),
    ...(byEnvironment.length > 0
      ? [[ENVIRONMENT, `${also}${list(byEnvironment)}, from the next login on`] as const]
      : []),
  ];
}

const namesOf = ({ fates }: Outlook, fate: Fate): string =>
  list([...fates].flatMap(([runtime, theirs]) => (theirs === fate ? [runtime] : [])));

const list = (runtimes: readonly Runtime[]): string => runtimes.map(nameOf).join(", ");

function table(rows: readonly Row[]): string[] {
  const width = Math.max(0, ...rows.map(([label]) => label.length));
  return rows.flatMap(([label, text]) =>
    wrapped(text, WIDTH - width - 4).map(
      (line, index) => `  ${(index === 0 ? label : "").padEnd(width)}  ${line}`,
    ),
  );
}

/** Wrapped at blanks. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
