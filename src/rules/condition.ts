import type { ConditionConfig } from '../config/model.ts';
import { fieldChanged } from './changed.ts';
import { belowRoot, compileJsonPath } from './jsonpath.ts';
import { select } from './select.ts';
import type { Selection } from './selection.ts';
import { parseSource } from './source.ts';
import type { Condition, Source, Sources } from './types.ts';

/** @throws SelectorError */
export function compileCondition(config: ConditionConfig): Condition {
  return {
    status: config.status.map(statusRange),
    present: config.present.map(parseSource),
    absent: config.absent.map(parseSource),
    equals: config.equals.map(({ source, values }) => ({ source: parseSource(source), values: new Set(values) })),
    changed: config.changed.map((text) => ({ text, steps: compileJsonPath(belowRoot(text)) })),
  };
}

function statusRange(text: string): { from: number; to: number } {
  const from = Number(text.replace('xx', '00'));
  return { from, to: text.endsWith('xx') ? from + 99 : from };
}

/** Every source that a condition reads. */
export function conditionSources({ present, absent, equals }: Condition): Source[] {
  return [...present, ...absent, ...equals.map(({ source }) => source)];
}

export interface Circumstances {
  /**
   * Of the write. A response without a body says after DELETE that nothing is left; after other methods it says
   * nothing.
   */
  readonly method: string;
  readonly sources: Sources;
  /** Of the response; undefined if there was none. */
  readonly status: number | undefined;
  /** The outcome is indeterminate: the write may have been applied although the response does not say so. */
  readonly indeterminate: boolean;
  /** No conflicting write to the resource: an equal field has not changed meanwhile. */
  readonly alone: boolean;
  /**
   * Whether a condition that cannot be evaluated holds. False under `unresolved: ignore`, which prefers missing a
   * target.
   */
  readonly unknownHolds: boolean;
}

/** The first reason why a condition does not hold; undefined if it holds. */
export function failing(condition: Condition, circumstances: Circumstances): string | undefined {
  const { sources, unknownHolds } = circumstances;
  const status = failingStatus(condition, circumstances);
  if (status !== undefined) return status;
  for (const source of condition.present) {
    const selection = told(source, circumstances);
    if (!(presence(selection) ?? unknownHolds)) return `${source.text} is not present: ${selection.reason}`;
  }
  for (const source of condition.absent) {
    const present = presence(select(source, sources));
    if (!(present === undefined ? unknownHolds : !present)) return `${source.text} is present`;
  }
  for (const { source, values } of condition.equals) {
    const selection = told(source, circumstances);
    if (selection.values.some((value) => values.has(value))) continue;
    const known = selection.certainty === 'all' || selection.certainty === 'missing';
    if (known || !unknownHolds) return `${source.text} is ${shown(selection)}`;
  }
  if (condition.changed.length === 0) return undefined;
  const differences = condition.changed.map(({ steps }) => fieldChanged(sources.before, sources.response, steps));
  const unknown = differences.includes('unknown') || !circumstances.alone;
  const holds = differences.includes('different') || (unknown && unknownHolds);
  return holds ? undefined : `${condition.changed.map(({ text }) => text).join(', ')} did not change`;
}

/**
 * As `select`, but a missing value is unknown if the response has no JSON: a PATCH answered with 204 may have set it.
 */
function told(source: Source, { sources, method }: Circumstances): Selection {
  const selection = select(source, sources);
  const silent = source.root === 'response' && 'missing' in sources.response && method !== 'DELETE';
  return silent && selection.certainty === 'missing' ? { ...selection, certainty: 'unknown' } : selection;
}

function failingStatus({ status: ranges }: Condition, { status, indeterminate, unknownHolds }: Circumstances) {
  if (ranges.length === 0) return undefined;
  if (status !== undefined && ranges.some(({ from, to }) => status >= from && status <= to)) return undefined;
  // An indeterminate write may have succeeded, so a condition on success cannot be ruled out.
  if (indeterminate && unknownHolds) return undefined;
  return `the status is ${status ?? 'unknown'}`;
}

/** Undefined if unknown. An object or an array is not an id, but it is present. */
function presence({ values, certainty, found }: Selection): boolean | undefined {
  if (values.length > 0 || found === true) return true;
  return certainty === 'unknown' || certainty === 'too-many' ? undefined : false;
}

function shown({ values, reason }: Selection): string {
  return values.length === 0 ? reason : values.map((value) => JSON.stringify(value)).join(', ');
}
