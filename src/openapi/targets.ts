import type { DraftTarget } from './draft-model.ts';
import type { ApiPath } from './operations.ts';

/** Names in a comment; the rest is counted. */
export function brief(names: readonly string[]): string {
  const shown = names.slice(0, 4).join(', ');
  return names.length > 4 ? `${shown}, and ${names.length - 4} more` : shown;
}

export const pathTarget = (text: string, comment: string, route?: ApiPath): DraftTarget => ({
  kind: 'path',
  text,
  comment,
  ...(route === undefined ? {} : { route }),
});
export const tagTarget = (name: string, ids: readonly string[], comment: string): DraftTarget => ({
  kind: 'tag',
  text: `${name}:${ids.length === 0 ? '*' : `{${ids.join(', ')}}`}`,
  comment,
});

export function unique(targets: readonly DraftTarget[]): DraftTarget[] {
  const first = new Map<string, DraftTarget>();
  for (const target of targets)
    if (!first.has(`${target.kind} ${target.text}`)) first.set(`${target.kind} ${target.text}`, target);
  return [...first.values()];
}
