import type { FieldLines } from './fields.ts';
import { eachLine } from './fields.ts';
import { splitList } from './list.ts';

/**
 * An id of the event stream: the answer is known to be current up to there. A subscription that begins at it
 * (`lastEventId`) misses nothing that happened later.
 */
export const CURSOR_FIELD = 'Unstale-Event-Cursor';
export const CURSOR_NAME = 'unstale-event-cursor';

/**
 * The line that lets pages of other origins read the field, where the API lets them read the answer (Fetch standard,
 * "CORS protocol"); none where it is not needed.
 */
export function exposedCursor(lines: FieldLines): string[] {
  let isShared = false;
  let isExposed = false;
  eachLine(lines, (field, value) => {
    const name = field.toLowerCase();
    if (name === 'access-control-allow-origin') isShared = true;
    if (name !== 'access-control-expose-headers') return;
    isExposed ||= splitList(value).some((each) => each.toLowerCase() === CURSOR_NAME);
  });
  return isShared && !isExposed ? ['Access-Control-Expose-Headers', CURSOR_FIELD] : [];
}
