/** @grpc/grpc-js: a unary call and a bidirectional stream that waits for each answer, with trailers. */
import { readFileSync } from "node:fs";
import { Client, credentials, Metadata } from "@grpc/grpc-js";

const same = (bytes) => bytes;
const roots = readFileSync(process.env.NODE_EXTRA_CA_CERTS);
// Its look-up of a service configuration would wait for a name server.
const options = { "grpc.service_config_disable_resolution": 1 };
const client = new Client(process.argv[2], credentials.createSsl(roots), options);
const metadata = new Metadata();
metadata.set("x-odd", "kept");

await new Promise((resolve, reject) => {
  const call = client.makeUnaryRequest(
    "/echo.Echo/Unary",
    same,
    same,
    Buffer.from("hello"),
    metadata,
    (error, answer) => (error ? reject(error) : console.log("unary", answer.toString())),
  );
  call.on("status", ({ code, details }) => resolve(console.log("status", code, details)));
});
const stream = client.makeBidiStreamRequest("/echo.Echo/Both", same, same, metadata);
for (const word of ["one", "two", "three"]) {
  stream.write(Buffer.from(word));
  console.log("both", (await new Promise((resolve) => stream.once("data", resolve))).toString());
}
stream.end();
await new Promise((resolve) =>
  stream.on("status", ({ code, details }) => resolve(console.log("status", code, details))).resume(),
);
client.close();
