import { expect, test } from "vitest";
import { caDirectory, defaultSettings, oximyHome, pinsFile } from "../../src/user/settings.js";

test("everything lives below ~/.oximy, unless OXIMY_HOME moves it", () => {
  expect(oximyHome({}, "/home/ana")).toBe("/home/ana/.oximy");
  expect(oximyHome({ OXIMY_HOME: "" }, "/home/ana")).toBe("/home/ana/.oximy");
  expect(oximyHome({ OXIMY_HOME: "/data/oximy" }, "/home/ana")).toBe("/data/oximy");
  const home = oximyHome({}, "/home/ana");
  expect(defaultSettings(home).outputDir).toBe("/home/ana/.oximy/traces");
  expect(caDirectory(home)).toBe("/home/ana/.oximy/ca");
  expect(pinsFile(home)).toBe("/home/ana/.oximy/pins.json");
});

test("without a word from the user, known hosts of all apps are captured, with bodies of 8 MiB", () => {
  expect(defaultSettings("/h")).toMatchObject({
    enabled: true,
    includeRaw: true,
    allHosts: false,
    apps: [],
    users: [],
    maxBody: 8 << 20,
    bundleRefreshHours: 24,
  });
});
