import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Series } from "./series.js";

interface Props {
  readonly series: Series;
  readonly format: (value: number) => string;
}

const HEIGHT = 280;
/** Distinguishable with colour blindness, on light and dark (Okabe and Ito, 2008, without black). */
const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a800", "#8c8c8c"];
export const plotColour = (index: number): string => COLOURS[index % COLOURS.length]!;

/** Stacked bars, one colour per group. The table below it has the numbers. */
export function Plot({ series, format }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const scheme = useScheme();
  // The axes take their colours from the scheme.
  useEffect(() => {
    const element = place.current!;
    const plot = new uPlot(optionsOf(series, format, element), dataOf(series), element);
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [series, format, scheme]);
  return <div ref={place} class="plot" role="img" aria-label="Over time; the table below has the sums" />;
}

function useScheme(): boolean {
  const [isDark, setDark] = useState(false);
  useEffect(() => {
    const query = matchMedia("(prefers-color-scheme: dark)");
    const onChange = () => setDark(query.matches);
    onChange();
    query.addEventListener("change", onChange);
    return () => query.removeEventListener("change", onChange);
  }, []);
  return isDark;
}

/** Stacks the first group on top of all others: the total is drawn first, and each next group over it. */
function dataOf({ starts, groups }: Series): uPlot.AlignedData {
  const stacked: number[][] = [];
  let below = starts.map(() => 0);
  for (const { values } of groups.toReversed()) {
    below = values.map((value, index) => value + below[index]!);
    stacked.unshift(below);
  }
  return [starts as number[], ...stacked];
}

function optionsOf(
  { groups, starts, span }: Series,
  format: (value: number) => string,
  element: HTMLElement,
): uPlot.Options {
  const style = getComputedStyle(element);
  const [ink, grid] = ["--dim", "--line"].map((name) => style.getPropertyValue(name));
  const axis = { stroke: ink!, grid: { stroke: grid!, width: 1 }, ticks: { stroke: grid!, width: 1 } };
  const bars = uPlot.paths.bars!({ size: [0.8, 48], align: 1 });
  const last = (starts.at(-1) ?? 0) + span;
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { drag: { x: true, y: false } },
    scales: { x: { time: true, range: (_plot, min) => [min, Math.max(last, min + span)] } },
    axes: [axis, { ...axis, size: 64, values: (_plot, splits) => splits.map(format) }],
    series: [
      {},
      ...groups.map(({ name }, index) => ({
        label: name,
        paths: bars,
        fill: plotColour(index),
        stroke: plotColour(index),
        width: 0,
        points: { show: false },
      })),
    ],
  };
}
