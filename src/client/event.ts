import type { Resync, UnstaleEvent } from './types.ts';

/** Undefined if it cannot be read. */
export function eventOf(id: string | undefined, type: string, data: string): UnstaleEvent | undefined {
  try {
    const read = JSON.parse(data) as Omit<UnstaleEvent, 'id' | 'type'>;
    const isRead = id !== undefined && areTexts(read.paths) && areTexts(read.tags) && typeof read.cause === 'object';
    return isRead && read.cause !== null ? { ...read, id, type } : undefined;
  } catch {
    return undefined;
  }
}

const areTexts = (value: unknown): boolean => Array.isArray(value) && value.every((each) => typeof each === 'string');

/** What a resync says beside its name. Nothing if it cannot be read: it is a resync all the same. */
export function hintIn(data: string): Pick<Resync, 'refetchWithinMs'> {
  try {
    const { refetchWithinMs } = JSON.parse(data) as { readonly refetchWithinMs?: unknown };
    return typeof refetchWithinMs === 'number' ? { refetchWithinMs } : {};
  } catch {
    return {};
  }
}
