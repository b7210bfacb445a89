import { expect, it } from "vitest";
import { matchesUrlGlob } from "../../src/oisp/url-glob.js";

it.each([
  ["**/backend-api/conversation", "/backend-api/conversation", true],
  ["**/backend-api/conversation", "/x/y/backend-api/conversation", true],
  ["**/backend-api/conversation", "/backend-api/conversations", false],
  ["**/backend-api/conversation", "/backend-api/conversation/1", false],
  ["**/backend-api/conversation", "/xbackend-api/conversation", false],
  ["**/voice/**", "/voice/mode", true],
  ["**/voice/**", "/a/voice/mode/on", true],
  ["**/voice/**", "/voice", true],
  ["**/voice/**", "/invoice/1", false],
  ["**/conversations/**/responses", "/rest/conversations/1/2/responses", true],
  ["**/conversations/**/responses", "/rest/conversations/responses", true],
  ["/api/*/completion", "/api/1/completion", true],
  ["/api/*/completion", "/api/1/2/completion", false],
  ["/api/*/completion", "/x/api/1/completion", false],
  ["/v*/chat-*", "/v1/chat-new", true],
  ["/v*/chat-*", "/v1/xchat-new", false],
  ["**", "/anything/at/all", true],
  ["*", "/one", true],
  ["*", "/one/two", false],
  ["https://example.com/api/**", "/api/1", true],
  ["https://*.com/api/*", "/api/1", true],
  ["https://other.com/api/**", "/api/1", false],
  ["https://example.com", "/whatever", true],
])("%s on %s is %s", (glob, path, expected) => {
  expect(matchesUrlGlob(glob, "example.com", path)).toBe(expected);
});
