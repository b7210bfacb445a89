/** `oximy export`: events in formats of other programs. */

import { type FileHandle, open } from "node:fs/promises";
import { Argument, type Command } from "commander";
import { OximyError } from "../errors.js";
import { printableJsonText, printError } from "../terminal.js";
import { conversationLines } from "../traces/conversation-lines.js";
import { WITHOUT_BODIES, WITHOUT_WORDS } from "../traces/cut-line.js";
import { type EventLine, readEventLines } from "../traces/event-files.js";
import { harAround, harEntry } from "../traces/export/har.js";
import { htmlCall, htmlFoot, htmlHead } from "../traces/export/html.js";
import { findInvokingUser } from "../user/invoking-user.js";
import { oximyHome } from "../user/settings.js";
import { VERSION } from "../version.js";
import { addSomeOptions, outputFolder } from "./capture-options.js";
import { noEvents } from "./events.js";
import { addFilterOptions, filterOf } from "./filter-options.js";
import { print } from "./print.js";

const FORMS = ["har", "html", "jsonl"] as const;
type Form = (typeof FORMS)[number];

export function addExportCommand(program: Command): void {
  const command = program
    .command("export")
    .description(
      "export events as an HTTP archive (har), a page of one conversation (html), or lines (jsonl)",
    )
    .addArgument(new Argument("<form>", "har, html or jsonl").choices(FORMS))
    .argument("[id]", "id of a conversation, or of one of its events; required for html")
    .option("--output <file>", "write to this file, readable only by its owner");
  addFilterOptions(command);
  addSomeOptions(command, "output_dir").action(async (form: Form, id?: string) => {
    const folder = outputFolder(command, oximyHome(process.env, findInvokingUser().home));
    const filter = filterOf(command);
    if (form === "html" && id === undefined) throw withoutConversation();
    if (id !== undefined && Object.keys(filter).length > 0) throw withFilters();
    const cut = form === "html" ? WITHOUT_BODIES : form === "jsonl" ? WITHOUT_WORDS : undefined;
    const lines = id === undefined ? readEventLines(folder, filter, cut) : conversationLines(folder, id, cut);
    const output = await openOutput(command.opts<{ output?: string }>().output);
    let written = 0;
    try {
      for await (const text of PIECES[form](lines, id ?? "")) {
        await output.write(text.piece);
        if (text.isEvent) written += 1;
      }
    } finally {
      await output.close();
    }
    if (written === 0) printError(noEvents(folder, "chosen"));
  });
}

interface Piece {
  readonly piece: string | Buffer;
  readonly isEvent: boolean;
}

const PIECES: Readonly<Record<Form, (lines: AsyncIterable<EventLine>, id: string) => AsyncGenerator<Piece>>> =
  {
    async *har(lines) {
      const [before, after] = harAround(VERSION);
      yield { piece: before, isEvent: false };
      let separator = "";
      for await (const { event } of lines) {
        const entry = harEntry(event);
        if (entry === undefined) continue;
        yield { piece: `${separator}${JSON.stringify(entry)}`, isEvent: true };
        separator = ",\n";
      }
      yield { piece: after, isEvent: false };
    },
    async *html(lines, id) {
      yield { piece: htmlHead(`Conversation ${id}`), isEvent: false };
      for await (const { event } of lines) yield { piece: htmlCall(event), isEvent: true };
      yield { piece: htmlFoot(VERSION), isEvent: false };
    },
    async *jsonl(lines) {
      for await (const { line } of lines) yield { piece: Buffer.concat([line, NEWLINE]), isEvent: true };
    },
  };

const NEWLINE = Buffer.from("\n");

interface Output {
  write(piece: string | Buffer): Promise<void>;
  close(): Promise<void>;
}

/** Standard output, or a file that is created or truncated. On a terminal, control characters are escaped. */
async function openOutput(path: string | undefined): Promise<Output> {
  if (path === undefined) {
    const shown = (piece: string | Buffer) =>
      process.stdout.isTTY ? `${piece}`.split("\n").map(printableJsonText).join("\n") : piece;
    return { write: (piece) => print(shown(piece)), close: async () => {} };
  }
  let file: FileHandle;
  try {
    file = await open(path, "w", 0o600);
  } catch (cause) {
    const why = (cause as Error).message;
    throw new OximyError(
      "OXIMY_E_FILE",
      `A file cannot be used: ${why}.`,
      "Name another one with --output.",
      {
        cause,
      },
    );
  }
  return {
    write: async (piece) => void (await file.writeFile(piece)),
    close: () => file.close(),
  };
}

const withoutConversation = () =>
  new OximyError(
    "OXIMY_E_USAGE",
    "A page shows one conversation, and no id was given.",
    "oximy sessions lists them; then: oximy export html ID --output FILE",
  );

const withFilters = () =>
  new OximyError(
    "OXIMY_E_USAGE",
    "A conversation is always exported whole: an id cannot be combined with filter options.",
    "Leave out the id or the other options.",
  );
