import { describe, expect, it } from "vitest";
import { classify } from "../../src/oisp/classify.js";
import { createHostIndex } from "../../src/oisp/host-index.js";
import { loadEmbedded } from "../../src/oisp/load.js";
import { ANSWERS } from "./answers.js";

const index = createHostIndex(loadEmbedded().bundle);

describe("classify", () => {
  it.each(ANSWERS)("%s is %s", (request, expected) => {
    const [method = "", url = ""] = request.split(" ");
    const parts = /^(?:(https?):\/\/)?(\[[^\]]+\]|[^/:]+)(?::(\d+))?(\/.*)$/.exec(url)!;
    const [, scheme, host = "", port, path = ""] = parts;
    const answer = classify(
      { method, host, port: Number(port ?? (scheme === "http" ? 80 : 443)), path },
      index,
    );
    const named = answer.level === "drop" ? "" : `${answer.source.type}:${answer.source.id}`;
    expect(`${answer.level} ${named}`.trim()).toBe(expected);
  });
});
