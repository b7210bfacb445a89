import { anchorStore } from "./anchor-folder.js";

/** Arch Linux. trust(1) of p11-kit. */
export const arch = anchorStore({
  id: "arch",
  folder: "/etc/ca-certificates/trust-source/anchors",
  extension: "crt",
  refresh: ["trust", "extract-compat"],
  bundle: "/etc/ca-certificates/extracted/tls-ca-bundle.pem",
  getTool: "pacman -S p11-kit",
});
