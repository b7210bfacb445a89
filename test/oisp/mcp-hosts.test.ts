import { expect, test } from "vitest";
import { McpHosts, mcpHostOf, mcpPorts } from "../../src/oisp/mcp-hosts.js";

test.each<[string, string | undefined]>([
  ["mcp.example.com", "mcp.example.com"],
  ["MCP.Example.com.", "mcp.example.com"],
  ["localhost:3000", "localhost:3000"],
  ["https://mcp.example.com/mcp?key=1", "mcp.example.com"],
  ["http://127.0.0.1:8080/", "127.0.0.1:8080"],
  ["[::1]:3000", "[::1]:3000"],
  ["*.example.com", undefined],
  ["", undefined],
  ["a host", undefined],
  ["example.com:0", undefined],
])("%s is the host %s", (text, host) => {
  expect(mcpHostOf(text)).toBe(host);
});

test.each<[string, string, number, boolean]>([
  ["mcp.example.com", "mcp.example.com", 443, true],
  ["mcp.example.com", "MCP.example.com.", 80, true],
  ["mcp.example.com", "mcp.example.com", 8443, false],
  ["mcp.example.com", "not-mcp.example.com", 443, false],
  ["mcp.example.com", "a.mcp.example.com", 443, false],
  ["mcp.example.com:8443", "mcp.example.com", 8443, true],
  ["mcp.example.com:8443", "mcp.example.com", 443, false],
  ["localhost:3000", "127.0.0.1", 3000, true],
  ["[::1]:3000", "localhost", 3000, true],
])("named as %s, %s:%i is one: %s", (named, host, port, isOne) => {
  expect(new McpHosts([named]).has(host, port)).toBe(isOne);
});

test("ports to look at are those of other machines", () => {
  expect(mcpPorts(["a.example:8443", "b.example", "localhost:3000", "[::1]:3001"])).toEqual([8443]);
});
