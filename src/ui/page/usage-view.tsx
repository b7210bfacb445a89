import { useMemo, useState } from "preact/hooks";
import type { Row } from "../wire.js";
import { Choice } from "./filters.js";
import { count, money, whole } from "./format.js";
import { Plot, plotColour } from "./plot.js";
import { type By, type Measure, seriesOf } from "./series.js";

const MEASURES: readonly (readonly [Measure, string])[] = [
  ["cost", "cost, estimated"],
  ["input", "tokens in"],
  ["output", "tokens out"],
  ["calls", "calls"],
];
const GROUPS: readonly (readonly [By, string])[] = [
  ["app", "by app"],
  ["model", "by model"],
  ["project", "by project"],
];

/** Tokens and cost over time. */
export function UsageView({ rows }: { readonly rows: readonly Row[] }) {
  const [measure, setMeasure] = useState<Measure>("cost");
  const [by, setBy] = useState<By>("app");
  const series = useMemo(() => seriesOf(rows, measure, by), [rows, measure, by]);
  const format = measure === "cost" ? money : count;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: scrollable by keyboard
    <section class="usage" aria-label="Usage" tabIndex={0}>
      <div class="filters">
        <Choice
          label="measure"
          value={measure}
          options={MEASURES}
          onChange={(to) => setMeasure(to as Measure)}
        />
        <Choice label="group" value={by} options={GROUPS} onChange={(to) => setBy(to as By)} />
      </div>
      {series.groups.length === 0 ? (
        <p class="empty">No calls to count.</p>
      ) : (
        <>
          <Plot series={series} format={format} />
          <table>
            <thead>
              <tr>
                <th scope="col">{by}</th>
                <th scope="col" class="number">
                  {MEASURES.find(([name]) => name === measure)?.[1]}
                </th>
              </tr>
            </thead>
            <tbody>
              {series.groups.map(({ name, total }, index) => (
                <tr key={name}>
                  <td>
                    <span class="swatch" style={{ background: plotColour(index) }} /> {name}
                  </td>
                  <td class="number">{measure === "cost" ? money(total) : whole(total)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
    </section>
  );
}
