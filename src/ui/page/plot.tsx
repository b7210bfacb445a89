import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Series } from "./series.js";

interface Props {
  readonly series: Series;
  readonly tell: (value: number) => string;
}

const HEIGHT = 280;
/** Told apart also by those who see fewer colours, on light and dark (Okabe and Ito, 2008, without black). */
const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a800", "#8c8c8c"];
export const plotColour = (index: number): string => COLOURS[index % COLOURS.length]!;

/** Bars over each other, a colour for each group. The table beside it says the same in numbers. */
export function Plot({ series, tell }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const scheme = useScheme();
  // The colours of the axes are the scheme's.
  useEffect(() => {
    const element = place.current!;
    const plot = new uPlot(optionsOf(series, tell, element), dataOf(series), element);
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [series, tell, scheme]);
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

/** The first group stands on all others: the whole is drawn first, and each next one over it. */
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
  tell: (value: number) => string,
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
    axes: [axis, { ...axis, size: 64, values: (_plot, splits) => splits.map(tell) }],
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
