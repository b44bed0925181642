import type { GatewayConfig } from '../config/model.ts';
import type { Loaded } from './load.ts';
import type { SavedSnapshot, SnapshotStatus } from './ports.ts';

/** What became of a load, in one line. Whatever is not as asked for is a warning. */
export function inWords(loaded: Loaded, ms: number): { readonly level: 'info' | 'warn'; readonly text: string } {
  if (loaded.kind === 'none') return { level: 'info', text: 'nothing loaded: there is no snapshot' };
  if (loaded.kind === 'cold') return { level: 'warn', text: `not loaded: ${loaded.why}` };
  const { counts, confirmed, doubt, cut, savedAt } = loaded;
  const parts = [`loaded ${counts.restored} responses of ${savedAt} within ${ms} ms`];
  if (confirmed === counts.restored && confirmed > 0) parts.push('trusted');
  else if (confirmed > 0) parts.push(`${confirmed} trusted, the others to be revalidated`);
  else parts.push(doubt === undefined ? 'to be revalidated' : `to be revalidated: ${doubt}`);
  if (counts.covered > 0) parts.push(`${counts.covered} invalidated since`);
  if (counts['no-room'] > 0) parts.push(`${counts['no-room']} without room in memory`);
  if (counts.untagged > 0) parts.push(`${counts.untagged} left out without a strong ETag to confirm them by`);
  if (counts.later > 0) parts.push(`${counts.later} left out that are dated after the save began`);
  if (counts.present > 0) parts.push(`${counts.present} here already`);
  if (cut !== undefined) parts.push(`then given up: ${cut}`);
  return { level: cut === undefined ? 'info' : 'warn', text: parts.join(', ') };
}

/** What is on, in the start-up log and elsewhere. */
export function wordsOfSwitches({ load, save }: Pick<SnapshotStatus, 'load' | 'save'>): string {
  return `load ${load}, save ${typeof save === 'number' ? `every ${save} ms, and at stop` : save === 'stop' ? 'at stop' : save}`;
}

/** Whether reads get stale copies while an origin fails, in the start-up log and elsewhere. */
export function wordsOfStaleIfError({ routes, fallback }: Pick<GatewayConfig, 'routes' | 'fallback'>): string {
  const policies = [...routes.map(({ cache }) => cache), fallback.cache].filter(({ off }) => !off);
  const windows = policies.map(({ staleIfErrorMs }) => staleIfErrorMs).filter((ms) => ms !== 0);
  if (windows.length === 0) return 'staleIfError: off';
  const longest = Math.max(0, ...windows.map((ms) => ms ?? 0));
  const most = longest === 0 ? 'as the API says' : `for ${longest} ms at most`;
  return `staleIfError: on for ${windows.length} of ${policies.length} policies, ${most}`;
}

export function linesOf(status: SnapshotStatus): string[] {
  return [`snapshots: ${wordsOfSwitches(status)}`, `snapshot: ${status.loaded}`, `snapshot: ${status.saved}`];
}

export function wordsOfSaved({ responses, bytes, left, ms }: SavedSnapshot, at: string): string {
  const parts = [`saved ${responses} responses in ${bytes} bytes at ${at} within ${ms} ms`];
  if (left['per-user'] > 0) parts.push(`${left['per-user']} of single users left out for want of store.snapshot.key`);
  if (left['no-room'] > 0) parts.push(`${left['no-room']} left out by store.snapshot.maxSize`);
  return parts.join(', ');
}
