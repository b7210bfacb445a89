/** The floors of the house (docs/architecture.md): a room imports from those below it. `npm run lint` checks them. */

/** From the top down; rooms in one line are on one floor. */
const FLOORS = [
  ["cli", "mcp-server"],
  ["ui"],
  ["demo", "doctor"],
  ["supervisor", "service"],
  ["engine", "mcp"],
  ["capture"],
  ["sinks", "traces"],
  ["proxy"],
  ["secrets", "trust", "certificates"],
  ["user"],
  ["attribution"],
  ["interaction", "event"],
  ["exchange"],
  ["tls"],
  ["oisp"],
  ["native"],
  ["connection"],
];

const below = (floor) => FLOORS.slice(0, floor).flat().join("|");

/** Types of what the addon exports are those of who asks for it. */
const ADDON_TYPES = "^src/native/native\\.ts$";

module.exports = {
  forbidden: [
    ...FLOORS.slice(1).map((rooms, index) => ({
      name: `${rooms.join(", ")}: no import from above`,
      severity: "error",
      from: { path: `^src/(${rooms.join("|")})/`, pathNot: ADDON_TYPES },
      to: { path: `^src/(${below(index + 1)})/` },
    })),
    {
      name: "no circles",
      severity: "error",
      from: { path: "^(src|lab)/" },
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "no I/O",
      severity: "error",
      from: { path: "^src/(tls|exchange|interaction|event)/" },
      to: { path: "^(node:)?(fs|fs/promises|net|tls|http|https|child_process|worker_threads)$" },
    },
    {
      name: "nothing of the tests",
      severity: "error",
      from: { path: "^(src|lab)/" },
      to: { path: "^(test|bench)/" },
    },
    {
      name: "the lab knows nothing of the product",
      severity: "error",
      from: { path: "^lab/" },
      to: { path: "^src/" },
    },
    {
      name: "only the demo has the lab",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/demo/" },
      to: { path: "^lab/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "types", "default"] },
  },
};
