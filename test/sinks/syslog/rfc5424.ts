/** Reads syslog by the grammar of RFC 5424 §6 and the frames of RFC 6587 §3.4.1, and nothing that is not in them. */

export interface Message {
  readonly facility: number;
  readonly severity: number;
  readonly timestamp: string | null;
  readonly hostName: string | null;
  readonly appName: string | null;
  readonly procId: string | null;
  readonly messageId: string | null;
  readonly data: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly text: string;
}

const NAME = (most: number) => `(-|[\\x21-\\x7e]{1,${most}})`;
const TIMESTAMP =
  "(-|\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\\d|3[01])T(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,6})?(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d))";
const SD_NAME = '[^\\x00-\\x20\\x7f-\\uffff="\\]]{1,32}';
const PARAM = ` ${SD_NAME}="(?:[^"\\\\\\]]|\\\\["\\\\\\]])*"`;
const ELEMENT = `\\[${SD_NAME}(?:${PARAM})*\\]`;
const MESSAGE = new RegExp(
  `^<(0|[1-9]\\d{0,2})>1 ${TIMESTAMP} ${NAME(255)} ${NAME(48)} ${NAME(128)} ${NAME(32)} (-|(?:${ELEMENT})+)(?: ([^]*))?$`,
);

const nil = (text: string) => (text === "-" ? null : text);

/** Throws for what is no message. */
export function parseMessage(bytes: Buffer): Message {
  const found = MESSAGE.exec(bytes.toString("latin1"));
  if (found === null) throw new Error(`no message of RFC 5424: ${bytes.toString("latin1").slice(0, 200)}`);
  const [, pri, timestamp, host, app, proc, id, data, rest = ""] = found as unknown as string[];
  if (Number(pri) > 191) throw new Error(`PRI ${pri}`);
  const raw = Buffer.from(rest, "latin1");
  const hasMark = raw.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf]));
  // Without the mark, text of which nothing is known but that it is ASCII.
  if (!hasMark && raw.some((byte) => byte > 0x7e || byte < 0x20)) throw new Error("octets without a mark");
  return {
    facility: Number(pri) >> 3,
    severity: Number(pri) & 7,
    timestamp: nil(timestamp!),
    hostName: nil(host!),
    appName: nil(app!),
    procId: nil(proc!),
    messageId: nil(id!),
    data: elementsOf(data!),
    text: raw.subarray(hasMark ? 3 : 0).toString("utf8"),
  };
}

function elementsOf(text: string): Record<string, Record<string, string>> {
  const elements: Record<string, Record<string, string>> = {};
  for (const [element] of text.matchAll(new RegExp(ELEMENT, "g"))) {
    const id = /^\[([^ \]]+)/.exec(element)![1]!;
    if (id in elements) throw new Error(`${id} is there twice`);
    elements[id] = Object.fromEntries(
      [...element.matchAll(/ ([^ =]+)="((?:[^"\\\]]|\\.)*)"/g)].map(([, name, value]) => [
        name!,
        value!.replace(/\\(["\\\]])/g, "$1"),
      ]),
    );
  }
  return elements;
}

/** The whole messages of a stream, and what is left of it. Throws when the length of one is none. */
export function splitFrames(bytes: Buffer): { messages: Buffer[]; rest: Buffer } {
  const messages: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    const space = bytes.indexOf(0x20, at);
    if (space < 0) break;
    const length = bytes.toString("latin1", at, space);
    if (!/^[1-9]\d*$/.test(length)) throw new Error(`no MSG-LEN: ${length}`);
    const end = space + 1 + Number(length);
    if (end > bytes.length) break;
    messages.push(bytes.subarray(space + 1, end));
    at = end;
  }
  return { messages, rest: bytes.subarray(at) };
}
