import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse as parsePlist } from "plist";
import { describe, expect, it } from "vitest";
import { parse as parseYaml } from "yaml";
import { temporaryFolder } from "../temporary-folder.js";

const document = readFileSync(new URL("../../docs/fleet.md", import.meta.url), "utf8");
const blocks = (language: string) =>
  [...document.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, "g"))].map(([, text]) => text!);

interface Collector {
  readonly receivers: Record<string, Record<string, unknown>>;
  readonly processors: Record<string, Record<string, unknown>>;
  readonly exporters: Record<string, Record<string, unknown>>;
  readonly service: { readonly pipelines: Record<string, Record<(typeof KINDS)[number], string[]>> };
}
const KINDS = ["receivers", "processors", "exporters"] as const;

const [playbook, gatewayText, writerText, ...others] = blocks("yaml");
const collectors = { "gateway.yaml": gatewayText!, "writer.yaml": writerText! };
const collector = (text: string) => parseYaml(text, { strict: true, uniqueKeys: true }) as Collector;

describe("the collectors of docs/fleet.md", () => {
  it.each(Object.entries(collectors))("%s is YAML, and says so itself", (name, text) => {
    expect(text.startsWith(`# ${name}`)).toBe(true);
    expect(Object.keys(collector(text)).sort()).toEqual(["exporters", "processors", "receivers", "service"]);
    expect(others).toEqual([]);
  });

  // A collector refuses to start with a pipeline of what is not configured, and warns of what no pipeline has.
  it.each(Object.entries(collectors))(
    "the pipelines of %s are of what it configures, and of all",
    (_, text) => {
      const { service, ...configured } = collector(text);
      expect(Object.keys(service.pipelines)).toEqual(["traces"]);
      for (const kind of KINDS)
        expect(service.pipelines.traces![kind].sort()).toEqual(Object.keys(configured[kind]).sort());
    },
  );

  it("the one writes to Kafka what the other reads there", () => {
    const { kafka: to } = collector(gatewayText!).exporters;
    const { kafka: from } = collector(writerText!).receivers;
    expect(from).toMatchObject({ brokers: to!.brokers, traces: to!.traces });
    expect(to!.traces).toEqual({ topic: "oximy_spans", encoding: "otlp_proto" });
  });

  it("the address that machines are told is the port that is listened on, with a certificate", () => {
    const { otlp } = JSON.parse(blocks("json")[0]!) as { otlp: string };
    const { http } = (collector(gatewayText!).receivers.otlp as { protocols: Record<string, object> })
      .protocols;
    expect(http).toMatchObject({
      endpoint: `0.0.0.0:${new URL(otlp).port}`,
      tls: { cert_file: expect.any(String) },
    });
    expect(new URL(otlp).protocol).toBe("https:");
  });

  it("the table that ClickHouse is written to is the one that the view reads", () => {
    const { clickhouse } = collector(writerText!).exporters;
    expect(blocks("sql")[0]).toContain(`FROM ${String(clickhouse!.traces_table_name)} `);
    expect(clickhouse).toMatchObject({ create_schema: true, ttl: expect.stringMatching(/^\d+h$/) });
  });
});

describe("the playbook of docs/fleet.md", () => {
  const [play] = parseYaml(playbook!) as [{ become: boolean; tasks: Record<string, unknown>[] }];

  it("makes /etc/oximy/config.json, then the service, for the user whose calls these are", () => {
    expect(play.become).toBe(true);
    expect(play.tasks.map((task) => Object.keys(task)[0])).toEqual([
      "ansible.builtin.file",
      "ansible.builtin.copy",
      "ansible.builtin.command",
      "ansible.builtin.systemd",
    ]);
    expect(play.tasks[2]!.environment).toMatchObject({ SUDO_UID: "{{ developer_uid }}" });
  });

  // Debian's package ansible-core.
  it.skipIf(spawnSync("ansible-playbook", ["--version"]).status !== 0)(
    "is one to Ansible",
    () => {
      const folder = temporaryFolder();
      const file = join(folder, "oximy.yaml");
      writeFileSync(file, playbook!);
      writeFileSync(join(folder, "inventory"), "[developers]\nlaptop\n");
      const told = execFileSync("ansible-playbook", ["--syntax-check", "--inventory", "inventory", file], {
        encoding: "utf8",
        cwd: folder,
        env: { ...process.env, HOME: folder, ANSIBLE_NOCOLOR: "1" },
      });
      expect(told).toContain(`playbook: ${file}`);
    },
    60_000,
  );
});

describe("the profile of docs/fleet.md", () => {
  // What stands for something else is no base64.
  const xml = blocks("xml")[0]!.replace(/<data>[^<]*<\/data>/, "<data>MIIB</data>");
  const plist = `<?xml version="1.0" encoding="UTF-8"?>\n<plist version="1.0">${xml}</plist>`;
  /** https://developer.apple.com/documentation/devicemanagement/certificateroot */
  const payload = {
    PayloadType: "com.apple.security.root",
    PayloadIdentifier: "example.corp.oximy.ca",
    PayloadUUID: "…",
    PayloadVersion: 1,
  };

  it("is a property list with the members of a root certificate's", () => {
    const { PayloadContent: certificate, ...rest } = parsePlist(plist) as Record<string, unknown>;
    expect(rest).toEqual(payload);
    expect(Buffer.from(certificate as Uint8Array).toString("base64")).toBe("MIIB");
  });

  it.skipIf(spawnSync("python3", ["--version"]).status !== 0)("is one to plistlib, too", () => {
    const read =
      "import plistlib, sys, json; d = plistlib.loads(sys.stdin.buffer.read()); d['PayloadContent'] = d['PayloadContent'].hex(); print(json.dumps(d))";
    const told = execFileSync("python3", ["-c", read], { input: plist, encoding: "utf8" });
    expect(JSON.parse(told)).toEqual({ ...payload, PayloadContent: "308201" });
  });
});
