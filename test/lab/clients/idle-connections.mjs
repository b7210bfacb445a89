/** Opens TLS connections, prints `open`, and holds them until its input ends. */
import { once } from "node:events";
import { connect } from "node:tls";

const [host, total] = process.argv.slice(2);
const sockets = [];
const AT_ONCE = 20;

async function open() {
  while (sockets.length < Number(total)) {
    const socket = connect({ host, port: 443, servername: host, ALPNProtocols: ["http/1.1"] });
    sockets.push(socket);
    await once(socket, "secureConnect");
    socket.on("error", (error) => console.log("lost", error.code));
  }
}
await Promise.all(Array.from({ length: AT_ONCE }, open));
console.log("open");
process.stdin.resume().on("end", () => process.exit());
