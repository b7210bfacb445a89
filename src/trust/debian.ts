import { anchorStore } from "./anchor-folder.js";

/** Debian, Ubuntu, Alpine. update-ca-certificates(8): files in this folder must end in .crt. */
export const debian = anchorStore({
  id: "debian",
  folder: "/usr/local/share/ca-certificates",
  extension: "crt",
  refresh: ["update-ca-certificates"],
  bundle: "/etc/ssl/certs/ca-certificates.crt",
  getTool: "apt-get install ca-certificates",
});
