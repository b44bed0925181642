import type { Event } from '../events/event.ts';
import type { LogRecord } from './record.ts';

/** The events of a committed record, one for each rule that announces it. Their ids derive from the record's id. */
export function eventsOf(epoch: string, record: LogRecord): Event[] {
  const id = record.id ?? `${epoch}-${record.position}`;
  return record.announcements.map((announcement, i) => ({
    ...announcement,
    id: i === 0 ? id : `${id}.${i}`,
    at: record.at,
  }));
}
