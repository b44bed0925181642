import type { TopLevelSpec } from 'vega-lite';
import type { CaseResults, Results } from './results.ts';

/** The cases in a chart, in this order, each a panel. A `note` on one needs one beside it, or the row is uneven. */
const panels: readonly { readonly name: string; readonly title: string; readonly note?: string }[] = [
  { name: 'hit', title: 'hit, 1 KiB' },
  { name: 'hit-keys', title: 'hit, 10,000 keys at random' },
  { name: 'hit-64k', title: 'hit, 64 KiB' },
  { name: '304', title: '304 to If-None-Match' },
  { name: 'miss-load', title: 'miss, stored' },
  { name: 'pass-through', title: 'pass-through, not stored' },
  { name: 'mixed', title: '95 % reads, 5 % writes', note: 'the others serve what a write made stale' },
  { name: 'write-load', title: 'write with rules', note: 'the others only forward it' },
];

const columns = 2;
const panelWidth = 250;
const barStep = 21;
const metric = 'per server CPU-s';

const ink = '#1f2328';
const muted = '#59636e';
const own = '#0969da';
const other = '#afb8c1';
/** No name of a font that a reader of the picture may not have. */
const font = 'system-ui, sans-serif';

interface Bar {
  readonly name: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly label: string;
}

/** Undefined if none of the chart's cases was measured. */
export function chartOf(results: Results): TopLevelSpec | undefined {
  const shown = panels.flatMap((panel) => {
    const measured = results.cases.find((each) => each.case === panel.name);
    const bars = measured === undefined ? [] : barsOf(measured, results);
    return bars.length === 0 ? [] : [panelOf(panel, bars)];
  });
  if (shown.length === 0) return undefined;
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: {
      text: 'Requests per second of server CPU time: more is better',
      subtitle: facts(results),
      anchor: 'start',
      offset: 16,
    },
    padding: 16,
    background: 'white',
    columns,
    spacing: { row: 28, column: 36 },
    concat: shown,
    config: {
      font,
      title: {
        font,
        color: ink,
        fontSize: 15,
        subtitleFont: font,
        subtitleColor: muted,
        subtitleFontSize: 11,
        subtitlePadding: 6,
        subtitleLineHeight: 15,
      },
      view: { stroke: null },
    },
  };
}

function barsOf({ contenders }: CaseResults, { machine }: Results): Bar[] {
  return contenders.flatMap(({ name, metrics }) => {
    const shownName = nameOf(name, machine.peers);
    const figures = metrics.find((each) => each.name === metric);
    if (shownName === undefined || figures === undefined) return [];
    const { median, min, max } = figures;
    if (median === null || Number.isNaN(median)) return [];
    const label = Math.round(median).toLocaleString('en');
    return [{ name: shownName, median, min: min ?? median, max: max ?? median, label }];
  });
}

const names: Readonly<Record<string, string>> = {
  gateway: 'unstale',
  before: 'unstale, before',
  nginx: 'nginx',
  varnish: 'Varnish',
  haproxy: 'HAProxy',
  against: 'against',
};

/** Undefined for what is no gateway, or a variation of one that is shown already. */
function nameOf(contender: string, versions: Readonly<Record<string, string>>): string | undefined {
  const [name, version] = [names[contender], versions[contender]];
  return name === undefined || version === undefined ? name : `${name} ${version}`;
}

const panelOf = ({ title, note }: (typeof panels)[number], bars: readonly Bar[]) => ({
  title: {
    text: title,
    ...(note === undefined ? {} : { subtitle: note }),
    anchor: 'start' as const,
    fontSize: 12,
    offset: 6,
  },
  width: panelWidth,
  height: { step: barStep },
  data: { values: [...bars] },
  encoding: {
    y: {
      field: 'name',
      type: 'nominal' as const,
      sort: null,
      axis: { title: null, domain: false, ticks: false, labelColor: ink, labelPadding: 6, labelFontSize: 11 },
    },
  },
  layer: [
    {
      mark: { type: 'bar' as const, height: { band: 0.7 } },
      encoding: {
        x: {
          field: 'median',
          type: 'quantitative' as const,
          axis: null,
          // Room for the figure at the end of the longest bar.
          scale: { domain: [0, 1.3 * Math.max(...bars.map(({ max }) => max))] },
        },
        color: { condition: { test: "indexof(datum.name, 'unstale') === 0", value: own }, value: other },
      },
    },
    {
      mark: { type: 'rule' as const, color: ink, strokeWidth: 1.5, opacity: 0.65 },
      encoding: { x: { field: 'min', type: 'quantitative' as const }, x2: { field: 'max' } },
    },
    {
      mark: { type: 'text' as const, align: 'left' as const, dx: 6, color: ink, fontSize: 11 },
      encoding: { x: { field: 'max', type: 'quantitative' as const }, text: { field: 'label' } },
    },
  ],
});

/** Date, versions and machine, without names of hosts or users. */
function facts({ startedAt, effort, generator, commits, machine, quick }: Results): string[] {
  const { rounds, seconds } = effort;
  return [
    `${startedAt.slice(0, 10)}, unstale ${commits.gateway ?? 'of an unknown commit'}, Node ${machine.node.slice(1)}, ` +
      `${machine.cores.length} cores (${machine.cpu}), Linux ${machine.kernel}`,
    `${machine.pinned ? 'one process each, pinned to one core' : 'not pinned to cores'}; load by ${generator}`,
    `median of ${rounds} interleaved rounds of ${seconds} s; thin lines: lowest and highest round` +
      (quick ? '. A smoke run: no baseline' : ''),
  ];
}
