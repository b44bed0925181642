import type { UnstaleEvent } from './types.ts';

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
