import type { Case, CaseResult, Comparison, Metric, Sample } from './bench.ts';
import { type Spread, spread } from './measure/statistics.ts';

/** The table of one case: a row per contender, then a row per comparison. Each cell is the median (min–max). */
export function formatCase(title: string, result: CaseResult): string {
  const measured = result.metrics.filter((metric) => allSamples(result).some((sample) => isKnown(sample, metric)));
  const rows = [
    ['', ...measured.map(({ name }) => name)],
    ...Object.entries(result.samples).map(([name, samples]) => [
      name,
      ...measured.map((metric) => formatSpread(spread(valuesOf(samples, metric)), metric.digits)),
    ]),
    ...result.comparisons.map((comparison) => [
      `${comparison.of} ${comparison.by === 'ratio' ? '/' : '−'} ${comparison.to}`,
      ...measured.map((metric) => formatComparison(result, comparison, metric)),
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
  );
  return [`\n${title}`, ...lines.map((line) => `  ${line}`)].join('\n');
}

/** The result as JSON. Values that could not be measured are null, since JSON has no NaN. */
export function caseJson(benchCase: Pick<Case, 'name' | 'title'>, result: CaseResult) {
  const { metrics, samples, comparisons } = result;
  return {
    case: benchCase.name,
    title: benchCase.title,
    contenders: Object.entries(samples).map(([name, rounds]) => ({
      name,
      metrics: metrics.map((metric) => ({
        ...metric,
        ...spread(valuesOf(rounds, metric)),
        rounds: valuesOf(rounds, metric),
      })),
    })),
    comparisons: comparisons.map((comparison) => ({
      ...comparison,
      metrics: metrics
        .filter((metric) => applies(comparison, metric))
        .map((metric) => ({ name: metric.name, ...compare(result, comparison, metric) })),
    })),
  };
}

/** Decimal places of a ratio. */
const ratioDigits = 2;

function formatComparison(result: CaseResult, comparison: Comparison, metric: Metric): string {
  if (!applies(comparison, metric)) return '';
  const digits = comparison.by === 'ratio' ? ratioDigits : metric.digits;
  return formatSpread(compare(result, comparison, metric), digits);
}

/** Differences are for times only. Rates are compared as ratios. */
function applies({ by }: Comparison, { better, unit }: Metric): boolean {
  return better !== undefined && (by === 'ratio' || unit === 'µs' || unit === 'ms');
}

/** Compares round by round, because both values of a round were subject to the same disturbances. */
function compare(result: CaseResult, { of, to, by }: Comparison, metric: Metric): Spread {
  const left = valuesOf(result.samples[of] ?? [], metric);
  const right = valuesOf(result.samples[to] ?? [], metric);
  return spread(
    left.map((value, round) => {
      const other = right[round] ?? Number.NaN;
      return by === 'ratio' ? value / other : value - other;
    }),
  );
}

function formatSpread({ median, min, max }: Spread, digits: number): string {
  if (Number.isNaN(median)) return '–';
  const text = (value: number): string =>
    value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return min === max ? text(median) : `${text(median)} (${text(min)}–${text(max)})`;
}

const valuesOf = (samples: readonly Sample[], metric: Metric): number[] =>
  samples.map((sample) => sample[metric.name] ?? Number.NaN);

const isKnown = (sample: Sample, metric: Metric): boolean => !Number.isNaN(sample[metric.name] ?? Number.NaN);

const allSamples = (result: CaseResult): Sample[] => Object.values(result.samples).flat();
