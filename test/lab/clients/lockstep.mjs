/** Event streams side by side, each of which asks for its next event when it has the last. Prints how many came. */
import { request } from "node:https";

const [host, streams, count] = process.argv.slice(2);

const read = () =>
  new Promise((resolve, reject) => {
    let come = 0;
    const asked = request({ host, path: "/lockstep", method: "POST", agent: false }, (response) => {
      response
        .on("data", (chunk) => {
          come += String(chunk).split("\n\n").length - 1;
          if (come < Number(count)) asked.write(`${come}\n`);
          else asked.end();
        })
        .on("end", () => resolve(come))
        .on("error", reject);
    });
    asked.on("error", reject).write("0\n");
  });

const come = await Promise.all(Array.from({ length: Number(streams) }, read));
console.log(come.reduce((sum, one) => sum + one));
