/** Node's fetch (undici), and an answer that streams. */
const base = process.argv[2];
const answer = await fetch(new URL("/a?b", base), {
  method: "POST",
  body: "body",
  headers: { "X-oDD": "kept" },
});
console.log(answer.status, [...answer.headers.keys()].join(), await answer.text());
const events = await fetch(new URL("/events/5/5", base));
let text = "";
for await (const chunk of events.body.pipeThrough(new TextDecoderStream())) text += chunk;
console.log(events.status, text.match(/"index":\d/g).join());
