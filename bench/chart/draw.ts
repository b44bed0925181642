import { parse, View } from 'vega';
import { compile } from 'vega-lite';
import type { Results } from './results.ts';
import { chartOf } from './spec.ts';

/** The chart of some results, as SVG; undefined if none of its cases was measured. */
export async function draw(results: Results): Promise<string | undefined> {
  const chart = chartOf(results);
  if (chart === undefined) return undefined;
  const view = new View(parse(compile(chart).spec), { renderer: 'none' });
  return `${await view.toSVG()}\n`;
}
