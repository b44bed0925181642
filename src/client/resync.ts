import type { Resync } from './types.ts';

export const resyncOf = (id: string | undefined, reason: Resync['reason']): Resync => ({
  type: 'resync',
  id,
  paths: ['/**'],
  tags: ['*'],
  reason,
});
