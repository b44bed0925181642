import type { Event } from '../events/event.ts';
import type { Whole } from '../whole.ts';
import type { Entry } from './bus.ts';
import type { LogRecord } from './record.ts';
import { decodeRecord } from './wire-record.ts';

/** The events of a committed record, one for each rule that announces it. Their ids derive from the record's id. */
export function eventsOf(epoch: string, record: Pick<LogRecord, 'id' | 'position' | 'announcements' | 'at'>): Event[] {
  const id = record.id ?? `${epoch}-${record.position}`;
  const { at } = record;
  return record.announcements.map(({ type, paths, tags, cause, payload, refetchWithinMs, client }, i): Whole<Event> => {
    return { id: i === 0 ? id : `${id}.${i}`, type, paths, tags, cause, payload, at, refetchWithinMs, client };
  });
}

/** The events of a committed entry of the shared log. Others announce what a repeated or a held one says. */
export function eventsOfEntry(epoch: string, { seq, payload, again, held }: Entry): Event[] {
  if (again === true || held === true) return [];
  return eventsOf(epoch, { ...decodeRecord(payload), position: seq });
}
