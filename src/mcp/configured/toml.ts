/**
 * A TOML parser (https://toml.io/en/v1.0.0) for server configurations: tables, dotted keys, strings, lists, inline
 * tables and booleans. Numbers and times are returned as text. Arrays of tables are skipped.
 */

type Table = { [key: string]: unknown };

const MAX_DEPTH = 50;

/** The document, or `undefined` when it is not TOML. */
export function parseToml(text: string): unknown {
  try {
    return new Reader(text.replace(/^\ufeff/, "")).document();
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const newTable = (): Table => Object.create(null) as Table;

class Reader {
  private at = 0;

  constructor(private readonly text: string) {}

  document(): Table {
    const root = newTable();
    let table = root;
    for (this.skip("lines"); this.at < this.text.length; this.skip("lines")) {
      if (this.takes("[[")) {
        this.key();
        this.expect("]]");
        table = newTable();
      } else if (this.takes("[")) {
        table = within(root, this.key());
        this.expect("]");
      } else {
        this.assign(table, 0);
      }
      this.endOfLine();
    }
    return root;
  }

  private assign(table: Table, depth: number): void {
    const key = this.key();
    this.expect("=");
    within(table, key.slice(0, -1))[key.at(-1)!] = this.value(depth);
  }

  private key(): string[] {
    const parts: string[] = [];
    do {
      this.skip("spaces");
      parts.push(this.peek('"') || this.peek("'") ? this.string() : this.match(/[A-Za-z0-9_-]+/y));
      this.skip("spaces");
    } while (this.takes("."));
    return parts;
  }

  private value(depth: number): unknown {
    if (depth > MAX_DEPTH) throw new SyntaxError("nested too deeply");
    this.skip("spaces");
    if (this.peek('"') || this.peek("'")) return this.string();
    if (this.takes("[")) return this.list(depth);
    if (this.takes("{")) return this.inlineTable(depth);
    const word = this.match(/[^\s,\]}#]+(?: \d\d:[\d:.]+)?/y);
    return word === "true" ? true : word === "false" ? false : word;
  }

  private list(depth: number): unknown[] {
    const values: unknown[] = [];
    for (this.skip("lines"); !this.takes("]"); this.skip("lines")) {
      values.push(this.value(depth + 1));
      this.skip("lines");
      if (!this.takes(",") && !this.peek("]")) throw new SyntaxError("a list without an end");
    }
    return values;
  }

  private inlineTable(depth: number): Table {
    const table = newTable();
    for (this.skip("lines"); !this.takes("}"); this.skip("lines")) {
      this.assign(table, depth + 1);
      this.skip("lines");
      if (!this.takes(",") && !this.peek("}")) throw new SyntaxError("a table without an end");
    }
    return table;
  }

  private string(): string {
    const [quotes] = /^(?:"""|'''|"|')/.exec(this.text.slice(this.at, this.at + 3)) ?? ['"'];
    this.at += quotes.length;
    const isLiteral = quotes.startsWith("'");
    const start = this.at;
    let end = this.text.indexOf(quotes, start);
    while (!isLiteral && end >= 0 && isEscaped(this.text, end, start))
      end = this.text.indexOf(quotes, end + 1);
    if (end < 0) throw new SyntaxError("a string without an end");
    // A multi-line string may end in up to two quotes before its closing three.
    while (quotes.length === 3 && this.text[end + 3] === quotes[0]) end += 1;
    this.at = end + quotes.length;
    const content = this.text.slice(start, end);
    if (quotes.length === 1 && content.includes("\n")) throw new SyntaxError("a string over several lines");
    const trimmed = quotes.length === 3 ? content.replace(/^\r?\n/, "") : content;
    return isLiteral ? trimmed : unescaped(trimmed);
  }

  private endOfLine(): void {
    this.skip("spaces");
    if (this.peek("#") || this.peek("\n") || this.peek("\r\n") || this.at >= this.text.length) return;
    throw new SyntaxError("more than one value in a line");
  }

  private skip(what: "spaces" | "lines"): void {
    this.match(what === "spaces" ? /[ \t]*/y : /(?:\s+|#[^\n]*)*/y);
  }

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found === null) throw new SyntaxError("not TOML");
    this.at += found[0].length;
    return found[0];
  }

  private peek(text: string): boolean {
    return this.text.startsWith(text, this.at);
  }

  private takes(text: string): boolean {
    if (!this.peek(text)) return false;
    this.at += text.length;
    return true;
  }

  private expect(text: string): void {
    this.skip("spaces");
    if (!this.takes(text)) throw new SyntaxError(`${text} is missing`);
  }
}

function within(table: Table, path: readonly string[]): Table {
  let at = table;
  for (const key of path) {
    at[key] ??= newTable();
    const found = at[key];
    if (typeof found !== "object" || found === null || Array.isArray(found)) {
      throw new SyntaxError(`${key} is a table and a value`);
    }
    at = found as Table;
  }
  return at;
}

function isEscaped(text: string, at: number, start: number): boolean {
  let backslashes = 0;
  while (at - 1 - backslashes >= start && text[at - 1 - backslashes] === "\\") backslashes += 1;
  return backslashes % 2 === 1;
}

const ESCAPES: Readonly<Record<string, string>> = { b: "\b", t: "\t", n: "\n", f: "\f", r: "\r", e: "\x1b" };

function unescaped(text: string): string {
  return text.replace(
    /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(\s*\n\s*)|([\s\S]))/g,
    (_, short?: string, long?: string, lineEnd?: string, character?: string) => {
      if (lineEnd !== undefined) return "";
      if (character !== undefined) return ESCAPES[character] ?? character;
      const code = Number.parseInt(short ?? long ?? "", 16);
      return code > 0x10ffff ? "\ufffd" : String.fromCodePoint(code);
    },
  );
}
