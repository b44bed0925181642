import type { OriginStanding } from '../exchange/ports.ts';

/** `origin legacy: down since 2026-11-22T09:00:00.000Z (it answers 503)` */
export function standingLine(name: string, { is, since, reason }: OriginStanding): string {
  if (since === undefined) return `origin ${name}: up`;
  const probing = is === 'half-open' ? ', asked again just now' : '';
  return `origin ${name}: down since ${new Date(since).toISOString()} (${reason}${probing})`;
}
