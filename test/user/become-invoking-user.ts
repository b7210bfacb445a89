/** Becomes the invoking user, and prints what it is then. */
import { becomeInvokingUser, findInvokingUser } from "../../src/user/invoking-user.js";
import { OXIMY_GID } from "../../src/user/settings.js";

becomeInvokingUser(findInvokingUser(), OXIMY_GID);
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
