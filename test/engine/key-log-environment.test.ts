import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { keyLogEnvironment } from "../../src/engine/key-log-environment.js";
import { withNodeOption } from "../../src/engine/node-options.js";

const PIPE = "/tmp/f/keys";

test.each([
  [{}, { OXIMY_RUN_KEY_LOG: PIPE, SSLKEYLOGFILE: PIPE }],
  [{ SSLKEYLOGFILE: "" }, { OXIMY_RUN_KEY_LOG: PIPE, SSLKEYLOGFILE: PIPE }],
  [{ SSLKEYLOGFILE: "/home/ana/keys" }, { OXIMY_RUN_KEY_LOG: PIPE }],
])("to an environment of %j are added %j", (env: Record<string, string>, variables) => {
  const { means, ...added } = keyLogEnvironment(PIPE, env);
  expect(added).toEqual({ variables });
  expect([...means].sort()).toEqual(Object.keys(variables).sort());
});

test.each(["/tmp/a folder/x", '/tmp/a "folder"/x', "/tmp/a\\folder/x"])(
  "Node finds %s in its options",
  (title) => {
    const { status, stdout } = spawnSync(
      process.execPath,
      [
        "--expose-internals",
        "-p",
        "process.title + require('internal/options').getOptionValue('--icu-data-dir')",
      ],
      { env: { NODE_OPTIONS: withNodeOption(`--title=${title}`, "--icu-data-dir=kept") }, encoding: "utf8" },
    );
    expect({ status, stdout }).toEqual({ status: 0, stdout: `${title}kept\n` });
  },
);
