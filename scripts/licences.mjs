/** The licences of what is bundled: who passes code on must pass them on. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/** The packages that bundled modules are from, by their folders. */
export function packagesOf(modules) {
  const folders = [...modules].map((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0]);
  return [
    ...new Set(
      folders.filter((folder) => folder !== undefined && existsSync(path.join(folder, "package.json"))),
    ),
  ].sort();
}

const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to
whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

/** What a package without a file of it says in its README. */
function licenceInReadme(folder) {
  const file = readdirSync(folder).find((entry) => /^readme/i.test(entry));
  const text = file === undefined ? "" : readFileSync(path.join(folder, file), "utf8");
  return /^#*\s*licen[cs]e\s*\n([\s\S]*)/im
    .exec(text)?.[1]
    .replace(/^[=`-]+$/gm, "")
    .trim();
}

const nameOf = (author) => (typeof author === "object" ? author.name : author);

/** Name, version, and each text that the package has of its licences. Throws when it has none. */
export function licenceOf(folder) {
  const { name, version, license, author } = JSON.parse(
    readFileSync(path.join(folder, "package.json"), "utf8"),
  );
  const files = readdirSync(folder).filter((entry) => /^(licen[cs]e|copying|notice)/i.test(entry));
  const texts = files.map((file) => readFileSync(path.join(folder, file), "utf8").trim());
  const inReadme = files.length === 0 ? licenceInReadme(folder) : undefined;
  if (inReadme !== undefined && inReadme.length > 100) texts.push(inReadme);
  else if ([license, inReadme].includes("MIT") && texts.length === 0)
    texts.push(`Copyright ${nameOf(author) ?? `the authors of ${name}`}\n\n${MIT}`);
  if (texts.length === 0) throw new Error(`${name} has no text of a licence`);
  return `${name} ${version} (${license ?? inReadme})\n\n${texts.join("\n\n")}\n`;
}

export const joined = (licences) => licences.join(`\n${"-".repeat(80)}\n\n`);
