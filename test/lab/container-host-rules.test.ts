import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import type { LabProcess } from "../../lab/lab-process.js";
import { type LabContainer, LabDocker } from "./container.js";
import { LabOximy } from "./oximy.js";
import { requireLab } from "./require-lab.js";

const ALLOWED = "api.openai.com";
const DENIED = "api.anthropic.com";
const OTHER = "172.18.0.2";
const PUBLISHED = 8443;

/** As Docker's resolver: on its own address in the container, at a port that rules lead to. */
const RESOLVER = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.11", 40053))
print("listening", flush=True)
while True:
  asked, whose = s.recvfrom(512)
  s.sendto(b"answer to " + asked, whose)
`;
const ASK = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.connect(("127.0.0.11", 53))
s.send(b"name")
print(s.recv(512).decode())
`;
const SERVE = `
import http.server
print("listening", flush=True)
class Hello(http.server.BaseHTTPRequestHandler):
  def do_GET(self):
    self.send_response(200)
    self.end_headers()
    self.wfile.write(b"hello")
http.server.ThreadingHTTPServer(("0.0.0.0", 443), Hello).serve_forever()
`;

/** The rules that Docker and its administrators make, as far as containers' connections depend on them. */
const HOST_RULES = (denied: string, container: string) => `
set -e
iptables -N DOCKER-USER
iptables -N DOCKER-ISOLATION
iptables -A FORWARD -j DOCKER-USER
iptables -A FORWARD -j DOCKER-ISOLATION
iptables -A DOCKER-USER -d ${denied} -p tcp -j REJECT --reject-with tcp-reset
iptables -A DOCKER-ISOLATION -i docker0 -o br-other -p tcp -j REJECT --reject-with tcp-reset
iptables -A DOCKER-ISOLATION -i br-other -o docker0 -j DROP
iptables -t nat -A PREROUTING -p tcp -d 203.0.113.1 --dport ${PUBLISHED} -j DNAT --to-destination ${container}:443`;
const RESOLVER_RULES = `
iptables -t nat -N DOCKER_OUTPUT
iptables -t nat -A OUTPUT -d 127.0.0.11/32 -j DOCKER_OUTPUT
iptables -t nat -A DOCKER_OUTPUT -d 127.0.0.11/32 -p udp --dport 53 -j DNAT --to-destination 127.0.0.11:40053`;

/** Counters and comments with the time aside. */
const rulesIn = (text: string) => text.replace(/^#.*\n/gm, "").replace(/\[\d+:\d+\]/g, "");

describe.skipIf(requireLab())("what the machine's own rules say of containers", { timeout: 120_000 }, () => {
  let lab: Lab;
  let docker: LabDocker;
  let container: LabContainer;
  let other: LabContainer;
  const servers: LabProcess[] = [];

  beforeAll(async () => {
    lab = await createLab();
    docker = await LabDocker.start(lab);
    await lab.addServer({ names: [ALLOWED] });
    const { v4 } = await lab.addServer({ names: [DENIED] });
    container = docker.create("web", "node:20");
    other = docker.create("other", "node:20");
    const machine = ["-n", lab.machine.name];
    for (const words of [
      "link add br-other type bridge",
      "addr add 172.18.0.1/16 dev br-other",
      "link set br-other up",
      `link set veth${other.number} master br-other`,
    ])
      execFileSync("ip", [...machine, ...words.split(" ")]);
    other.administer(
      `ip addr flush dev eth0; ip addr add ${OTHER}/16 dev eth0; ip route add default via 172.18.0.1`,
    );
    const { code, stderr } = await lab.machine.exec("sh", ["-c", HOST_RULES(v4, container.address)]);
    expect(code, stderr).toBe(0);
    container.administer(RESOLVER_RULES);
    for (const { space } of [container, other]) {
      const server = lab.machine.spawn("nsenter", [`--net=/run/netns/${space}`, "python3", "-c", SERVE]);
      servers.push(server);
      await server.printed(/listening/);
    }
    const resolver = container.spawn("/usr/bin/python3", ["-c", RESOLVER]).start();
    await resolver.printed(/listening/);
  }, 120_000);
  afterAll(async () => {
    for (const server of servers) await server.stop();
    container?.remove();
    other?.remove();
    await lab?.close();
  });

  const curl = async (...args: string[]) => {
    const { code, stdout } = await container.exec("curl", ["-sS", "-4", "-m", "20", ...args]);
    return code === 0 ? stdout !== "" : false;
  };
  const ROWS: readonly [string, () => Promise<boolean>, boolean][] = [
    ["a host that is allowed", () => curl(`https://${ALLOWED}/v1/models`), true],
    ["a host that an administrator's chain denies", () => curl(`https://${DENIED}/v1/models`), false],
    ["a container of another network", () => curl(`http://${OTHER}:443/`), false],
    [
      "its published port, from outside",
      async () => {
        const url = `http://203.0.113.1:${PUBLISHED}/`;
        return (await lab.internet.exec("curl", ["-sS", "-m", "20", url])).stdout === "hello";
      },
      true,
    ],
    [
      "its resolver",
      async () => (await container.exec("/usr/bin/python3", ["-c", ASK])).stdout === "answer to name\n",
      true,
    ],
  ];
  const reached = async () => {
    const found: [string, boolean][] = [];
    for (const [name, call] of ROWS) found.push([name, await call()]);
    return found;
  };
  const rules = async () => {
    const { stdout } = await lab.machine.exec("iptables-save", []);
    return rulesIn(stdout + container.administer("iptables-save") + other.administer("iptables-save"));
  };

  it("counts before, during and after capture, in the same words", async () => {
    const expected = ROWS.map(([name, , is]) => [name, is]);
    const before = await rules();
    expect(before).toContain("DOCKER-USER");
    expect(await reached()).toEqual(expected);
    const oximy = await LabOximy.start(lab, ["--verbose"]);
    await oximy.logged(new RegExp(`container ${container.id.slice(0, 12)} \\(docker\\): captured`));
    expect(await rules()).toBe(before);
    expect(await reached()).toEqual(expected);
    expect(container.rules()).toContain("table inet oximy {");
    await oximy.stop();
    expect(await rules()).toBe(before);
    expect(await reached()).toEqual(expected);
  });
});
