/** Credentials in command lines and files with similar syntax. */

import { judgeName } from "./secret-names.js";
import { secretValue } from "./secret-value-at.js";
import { looksLikeVariable, looksRandom, MARK } from "./secret-values.js";
import type { Span } from "./span.js";

export const NAMED_FLAG = /--([A-Za-z][A-Za-z0-9_-]{2,40})(?:\\?["'])? {1,4}/y;

/** `--api-key VALUE`. */
export function secretOfFlag(text: string, start: number): Span | undefined {
  NAMED_FLAG.lastIndex = start;
  const name = NAMED_FLAG.exec(text)?.[1];
  if (name === undefined) return undefined;
  const at = NAMED_FLAG.lastIndex;
  if (/^(?:proxy-)?user(?:info)?$/.test(name))
    return isTransfer(text, start) ? passwordOfUser(text, at) : undefined;
  const verdict = judgeName(name);
  return verdict === "plain"
    ? undefined
    : secretValue(text, verdict, at, { isVariable: false, isInList: false });
}

const SHORT_FLAG = /-([uUpaw]) {0,4}/y;
/** Programs whose `-p` and `-a` take a password. */
const LOGIN =
  /\b(?:sshpass|mysql(?:dump|admin|import)?|mariadb|redis-cli|(?:docker|podman|helm|oras|az|cf|oc)\b[^\n]{0,40}\blogin|ldap\w{3,8}|mongosh?|rabbitmqadmin|smbclient|snmp\w{3,8})\b[^\n|;]{0,160}$/;

/** `curl -u user:password`, `mysql -pPASSWORD`. */
export function secretOfShortFlag(text: string, start: number): Span | undefined {
  const before = text.charCodeAt(start - 1);
  if (before !== 0x20 && before !== 0x09) return undefined;
  SHORT_FLAG.lastIndex = start;
  const flag = SHORT_FLAG.exec(text)?.[1];
  if (flag === undefined) return undefined;
  const at = SHORT_FLAG.lastIndex;
  if (flag === "u" || flag === "U") return isTransfer(text, start) ? passwordOfUser(text, at) : undefined;
  if (!LOGIN.test(lineBefore(text, start))) return undefined;
  PASSWORD.lastIndex = at;
  const password = PASSWORD.exec(text)?.[1];
  if (password === undefined || /^[\d$-]/.test(password) || password.endsWith(MARK)) return undefined;
  return { start: PASSWORD.lastIndex - password.length, end: PASSWORD.lastIndex };
}

const PASSWORD = /(?:\\?["'])?([^\s"'\\]{4,256})/y;

function lineBefore(text: string, at: number): string {
  return text.slice(Math.max(0, at - 200), at);
}

function isTransfer(text: string, start: number): boolean {
  return /\b(?:curl|https?|wget|xh|lftp|smbclient)\b[^\n|;]*$/.test(lineBefore(text, start));
}

const USER_AND_PASSWORD = /(?:\\?["'])?[^\s:"'\\]{1,128}:([^\s"'\\]{3,256})/y;

function passwordOfUser(text: string, at: number): Span | undefined {
  USER_AND_PASSWORD.lastIndex = at;
  const password = USER_AND_PASSWORD.exec(text)?.[1];
  if (password === undefined || /^[$\d{]+/.exec(password)?.[0] === password) return undefined;
  if (/^\$[\w{(]/.test(password) || password.endsWith(MARK)) return undefined;
  const end = USER_AND_PASSWORD.lastIndex;
  return { start: end - password.length, end };
}

/** `machine HOST login USER password PASSWORD` (netrc(5)), on one line or several. */
const NETRC =
  /machine(?:\s|\\{1,4}[nrt]){1,16}[^\s\\]{1,128}(?:(?:\s|\\{1,4}[nrt]){1,16}(?:\d{1,6}(?:→|\t|:| ?\|) ?)?(?:login|account)(?:\s|\\{1,4}[nrt]){1,16}[^\s\\]{1,128}){1,2}(?:\s|\\{1,4}[nrt]){1,16}(?:\d{1,6}(?:→|\t|:| ?\|) ?)?password(?:\s|\\{1,4}[nrt]){1,16}([^\s\\"'`]{3,256})/y;

export function passwordOfNetrc(text: string, start: number): Span | undefined {
  NETRC.lastIndex = start;
  const password = NETRC.exec(text)?.[1];
  if (password === undefined || password.endsWith(MARK)) return undefined;
  return { start: NETRC.lastIndex - password.length, end: NETRC.lastIndex };
}

/** The password in a Go data source name: `user:password@tcp(host:3306)/db`. */
const DATA_SOURCE = /[\w.%+-]{1,64}:([^\s"'`\\]{3,128})$/;
const NETWORK = /@(?:tcp|tcp6|unix|udp|cloudsql)\(/y;

export function passwordOfDataSource(text: string, at: number): Span | undefined {
  NETWORK.lastIndex = at;
  if (!NETWORK.test(text)) return undefined;
  const password = DATA_SOURCE.exec(text.slice(Math.max(0, at - 200), at))?.[1];
  return password === undefined || password.endsWith(MARK) || /^[$%{]/.test(password)
    ? undefined
    : { start: at - password.length, end: at };
}

/** `<password>…</password>`: the content of the element that ends there. */
const END_TAG = /<\/(?:[\w-]{1,32}:)?([A-Za-z][\w.-]{1,63})>/y;
const CONTENT = />([^<>\s\\]{4,512})$/;

export function secretOfElement(text: string, at: number): Span | undefined {
  END_TAG.lastIndex = at;
  const name = END_TAG.exec(text)?.[1];
  const verdict = name === undefined ? "plain" : judgeName(name);
  if (verdict === "plain" || verdict === "cookie") return undefined;
  const content = CONTENT.exec(text.slice(Math.max(0, at - 520), at))?.[1];
  if (content === undefined || content.endsWith(MARK)) return undefined;
  const where = { isVariable: false, isQuoted: true, isInList: false };
  const isSecret = verdict === "ambiguous" ? looksLikeVariable(content, where) : looksRandom(content);
  return isSecret ? { start: at - content.length, end: at } : undefined;
}
