import type { Tagged } from '../coherence/tag.ts';
import { versionsOf } from './tag-versions.ts';

/** Stored with a response: when it was filled, and the versions that its tags had when it was stored. */
export interface Stamp {
  readonly epoch: string;
  /** This node's position in the shared log at the fill. */
  readonly seq: number;
  /** Version key → its value. */
  readonly versions: Readonly<Record<string, string>>;
}

/** Whether a node can have written this stamp: the right form, and a version for each tag of the response. */
export function isSoundStamp(value: unknown, response: Tagged): value is Stamp {
  if (!isRecord(value) || Object.keys(value).some((name) => !members.has(name))) return false;
  const { epoch, seq, versions } = value;
  if (typeof epoch !== 'string' || !Number.isSafeInteger(seq) || (seq as number) < 0) return false;
  if (!isRecord(versions) || !Object.values(versions).every((version) => typeof version === 'string')) return false;
  return versionsOf(response).every((tag) => Object.hasOwn(versions, tag));
}

const members = new Set(['epoch', 'seq', 'versions']);

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
