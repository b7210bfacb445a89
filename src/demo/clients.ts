/** The programs that the demo runs. None of them is aware of Oximy: they only call their provider. */

export interface DemoClient {
  readonly title: string;
  readonly command: string;
  readonly args: readonly string[];
}

const openai = JSON.stringify({ model: "gpt-4", messages: [{ role: "user", content: "Hello" }] });
const anthropic = JSON.stringify({
  model: "claude-sonnet-4-5",
  max_tokens: 64,
  stream: true,
  messages: [{ role: "user", content: "Hello" }],
});
const json = ["-H", "content-type: application/json"];

const python = `import json, os, ssl, urllib.request
request = urllib.request.Request("https://api.openai.com/v1/chat/completions",
    data=json.dumps({"model": "gpt-4", "messages": [{"role": "user", "content": "Hello"}]}).encode(),
    headers={"content-type": "application/json", "authorization": "Bearer demo"})
context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
print(json.load(urllib.request.urlopen(request, context=context))["choices"][0]["message"]["content"])`;

/** @param cursor a copy of curl with the name in Cursor's signature for this system */
export const demoClients = (cursor: string): readonly DemoClient[] => [
  {
    title: "curl asks OpenAI",
    command: "curl",
    args: ["-sS", ...json, "-d", openai, "https://api.openai.com/v1/chat/completions"],
  },
  {
    title: "a program named cursor asks Anthropic, and gets a stream",
    command: cursor,
    args: ["-sSN", ...json, "-d", anthropic, "https://api.anthropic.com/v1/messages"],
  },
  { title: "Python asks OpenAI", command: "python3", args: ["-c", python] },
  {
    title: "curl visits a site that is not an AI provider (no event must be written)",
    command: "curl",
    args: ["-sS", "-o", "/dev/null", "https://www.example.org/"],
  },
];
