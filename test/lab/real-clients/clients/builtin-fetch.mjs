/** One call by the fetch that a runtime has built in. */
const env = globalThis.Deno ? globalThis.Deno.env.toObject() : process.env;
const response = await fetch("https://api.openai.com/v1/chat/completions", {
  method: "POST",
  headers: { authorization: `Bearer ${env.API_KEY}`, "content-type": "application/json" },
  body: JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: "Hello" }] }),
});
const { choices } = await response.json();
if (!Array.isArray(choices)) throw new Error("not the answer that was asked for");
console.log("ok");
