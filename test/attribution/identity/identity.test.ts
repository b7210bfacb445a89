import { expect, test } from "vitest";
import { executableName } from "../../../src/attribution/identity/identity.js";

test.each([
  ["/usr/bin/curl", "curl"],
  ["/Applications/Comet.app/Contents/MacOS/Comet Helper", "Comet Helper"],
  // Programs that update themselves keep their versions side by side.
  ["/home/ana/.local/share/claude/versions/2.0.14", "claude"],
  ["/home/ana/.pyenv/versions/3.12.1/bin/python3.12", "python3.12"],
  ["/opt/2.0.14", "2.0.14"],
])("the executable %s goes by the name %s", (path, name) => {
  expect(executableName(path)).toBe(name);
});
