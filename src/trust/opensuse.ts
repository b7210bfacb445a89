import { anchorStore } from "./anchor-folder.js";

/** openSUSE and SLES. update-ca-certificates(8) of that distribution. */
export const opensuse = anchorStore({
  id: "opensuse",
  folder: "/usr/share/pki/trust/anchors",
  extension: "pem",
  refresh: ["update-ca-certificates"],
  bundle: "/var/lib/ca-certificates/ca-bundle.pem",
  getTool: "zypper install ca-certificates",
});
