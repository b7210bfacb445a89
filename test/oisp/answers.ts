import { readFileSync } from "node:fs";
import type { Bundle } from "../../src/oisp/bundle.js";
import { classify, type RequestAddress } from "../../src/oisp/classify.js";
import { createHostIndex } from "../../src/oisp/host-index.js";

export type Answer = readonly [request: string, answer: string];

/** A table of requests with their known right answer: level, source, request. */
export function readAnswers(name: string): Answer[] {
  const lines = readFileSync(new URL(`fixtures/${name}`, import.meta.url), "utf8").split("\n");
  return lines
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [level = "", source = "", ...request] = line.split(/\s+/);
      return [request.join(" "), `${level} ${source}`];
    });
}

/** `METHOD [http://]host[:port]/path` */
export function requestOf(line: string): RequestAddress {
  const [, method = "", scheme, host = "", port, path = ""] =
    /^(\S+) (?:(https?):\/\/)?(\[[^\]]+\]|[^/:]+)(?::(\d+))?(\/.*)$/.exec(line)!;
  return { method, host, port: Number(port ?? (scheme === "http" ? 80 : 443)), path };
}

export function answererFor(bundle: Bundle): (line: string) => string {
  const index = createHostIndex(bundle);
  return (line) => {
    const answer = classify(requestOf(line), index);
    return answer.level === "drop" ? "drop -" : `${answer.level} ${answer.source.type}:${answer.source.id}`;
  };
}
