/** Becomes the caller, and prints what it is then. */
import { becomeCaller, findCaller } from "../../src/user/caller.js";
import { OXIMY_GID } from "../../src/user/settings.js";

becomeCaller(findCaller(), OXIMY_GID);
let rootAgain = "yes";
try {
  process.setuid!(0);
} catch (error) {
  rootAgain = (error as NodeJS.ErrnoException).code ?? "";
}
console.log(
  JSON.stringify({
    uids: [process.getuid!(), process.geteuid!()],
    gids: [process.getgid!(), process.getegid!()],
    rootGroup: process.getgroups!().includes(0),
    rootAgain,
  }),
);
