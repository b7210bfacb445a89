import { anchorStore } from "./anchor-folder.js";

/** Fedora, RHEL and its relatives. update-ca-trust(8). */
export const fedora = anchorStore({
  id: "fedora",
  folder: "/etc/pki/ca-trust/source/anchors",
  extension: "pem",
  refresh: ["update-ca-trust", "extract"],
  bundle: "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  getTool: "dnf install ca-certificates",
});
